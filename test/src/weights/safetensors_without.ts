import {bytesSource} from '../../../src/weights/byte_source.js';
import {type NamedValues, openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';

/** What follows from the configuration, and is written beside the weights all the same. */
const BUFFERS = /relative_position_index$|relative_coords_table$|attn_mask$/;

/** The weights in a file, without its buffers and metadata. */
export function parametersOf(bytes: Uint8Array): NamedValues[] {
  const {tensors, values} = openSafetensors(bytesSource(bytes));
  const kept = [...tensors].filter(([name]) => !BUFFERS.test(name));
  return kept.map(([name, {shape}]) => ({name, shape, values: values(name)}));
}

/** The same file without the tensors of these names. */
export function safetensorsWithout(bytes: Uint8Array, names: RegExp): Uint8Array {
  return writeSafetensors(parametersOf(bytes).filter(({name}) => !names.test(name)));
}
