/** The bytes of a Python pickle, read one after the other: numbers, strings and lines as its opcodes carry them. */

const decoder = new TextDecoder();

export class PickleBytes {
  private at = 0;
  private readonly view: DataView;

  /** @param end The error for a pickle that ends too early. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly end: () => Error,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Where the next `length` bytes begin, which are passed over. */
  skip(length: number): number {
    const begin = this.at;
    if (length > this.bytes.length - begin) throw this.end();
    this.at += length;
    return begin;
  }

  uint8(): number {
    return this.bytes[this.skip(1)];
  }

  uint16(): number {
    return this.view.getUint16(this.skip(2), true);
  }

  uint32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  uint64(): number {
    const low = this.uint32();
    return this.uint32() * 2 ** 32 + low;
  }

  int32(): number {
    return this.view.getInt32(this.skip(4), true);
  }

  /** Big-endian, as in no other opcode. */
  float64(): number {
    return this.view.getFloat64(this.skip(8), false);
  }

  /** A whole number of so many bytes, two's complement, rounded beyond 2^53. */
  integer(length: number): number {
    const bytes = this.raw(length);
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[i];
    return length > 0 && bytes[length - 1] >= 128 ? value - 256 ** length : value;
  }

  raw(length: number): Uint8Array {
    const begin = this.skip(length);
    return this.bytes.subarray(begin, begin + length);
  }

  /** A string of so many bytes of UTF-8. */
  text(length: number): string {
    return decoder.decode(this.raw(length));
  }

  /** Up to the next line feed, which is passed over. */
  line(): string {
    const begin = this.at;
    while (this.uint8() !== 0x0a);
    return decoder.decode(this.bytes.subarray(begin, this.at - 1));
  }
}
