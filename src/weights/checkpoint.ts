/** What a checkpoint is, whatever the format of its file: tensors by name, whose values are read when they are asked for. */

/** A tensor of the file, its values still there. */
export interface TensorEntry {
  /** Type of the elements, in the words of safetensors: 'F32', 'F16', 'I64', ... */
  dtype: string;
  shape: readonly number[];
}

export interface Checkpoint {
  /** The file's name in messages. */
  name: string;
  format: 'safetensors' | 'torch';
  /** By name, in the order of the file. */
  tensors: ReadonlyMap<string, TensorEntry>;
  /** What a safetensors file says beside them. */
  metadata?: ReadonlyMap<string, string>;
  /** What was before all names in the file and was taken off. */
  prefix?: string;
  /**
   * The values of a tensor of type F32, F16, BF16 or F64 as float32, row-major.
   *
   * @throws CheckpointError for a name that is not there or another type.
   */
  values(name: string): Float32Array;
}
