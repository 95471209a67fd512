/** Where the bytes of a checkpoint come from: all of it in memory, or something that reads parts of it. */

/** What an index of shards says: which tensors are in which of the files beside it. */
export interface ShardIndex {
  /** Names of the files, each once, in the order of the tensors. */
  files: string[];
  /** The file of each tensor. */
  fileOf: ReadonlyMap<string, string>;
  /** Bytes of all tensors, where the index says so. */
  totalSize?: number;
}

export interface ByteSource {
  /** Name in messages. */
  name: string;
  /** Bytes. */
  size: number;
  /** `length` bytes from `offset` on, both within the size. */
  read(offset: number, length: number): Uint8Array;
  /** A file beside it; left out where only its own bytes are known. @throws CheckpointError where it cannot be read. */
  beside?(file: string): ByteSource;
  /** What the file says, where it is an index of shards and was read before: to fetch them, for example. */
  index?: ShardIndex;
}

/** All of a file in memory. */
export function bytesSource(bytes: Uint8Array, name = 'checkpoint'): ByteSource {
  return {name, size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length)};
}
