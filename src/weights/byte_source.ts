/** Where the bytes of a checkpoint come from: all of it in memory, or something that reads parts of it. */

export interface ByteSource {
  /** Name in messages. */
  name: string;
  /** Bytes. */
  size: number;
  /** `length` bytes from `offset` on, both within the size. */
  read(offset: number, length: number): Uint8Array;
  /** A file beside it; left out where only its own bytes are known. @throws CheckpointError where it cannot be read. */
  beside?(file: string): ByteSource;
}

/** All of a file in memory. */
export function bytesSource(bytes: Uint8Array, name = 'checkpoint'): ByteSource {
  return {name, size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length)};
}
