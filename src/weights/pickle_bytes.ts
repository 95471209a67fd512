/** The bytes of a Python pickle, read one after the other: numbers, strings and lines as its opcodes carry them. */

const decoder = new TextDecoder();

/** Shorter texts are decoded here: a call of the decoder takes longer than they do. */
export const SHORT_TEXT = 64;

/** Character codes of short texts, one array for each length. */
const codes = Array.from({length: SHORT_TEXT + 1}, (_, length) => new Array<number>(length).fill(0));

/** Far more than the name of a class or of a module has. */
const MOST_LINE = 256;

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
    const begin = this.skip(length);
    // What is below the upper 16 bytes is lost in the rounding.
    const low = Math.max(0, length - 16);
    let value = 0;
    for (let i = length - 1; i >= low; i--) value = value * 256 + this.bytes[begin + i];
    value *= 256 ** low;
    return length > 0 && this.bytes[begin + length - 1] >= 128 ? value - 256 ** length : value;
  }

  raw(length: number): Uint8Array {
    const begin = this.skip(length);
    return this.bytes.subarray(begin, begin + length);
  }

  /** A string of so many bytes of UTF-8. */
  text(length: number): string {
    const begin = this.skip(length);
    if (length <= SHORT_TEXT) {
      const ascii = codes[length];
      let i = 0;
      for (; i < length && this.bytes[begin + i] < 0x80; i++) ascii[i] = this.bytes[begin + i];
      if (i === length) return String.fromCharCode(...ascii);
    }
    return decoder.decode(this.bytes.subarray(begin, begin + length));
  }

  /** Up to the next line feed, which is passed over; undefined where that is too far for a name. */
  line(): string | undefined {
    const begin = this.at;
    const most = Math.min(MOST_LINE, this.bytes.length - begin);
    for (let length = 0; length < most; length++) {
      if (this.bytes[begin + length] !== 0x0a) continue;
      const text = this.text(length);
      this.skip(1);
      return text;
    }
    if (most < MOST_LINE) throw this.end();
    return undefined;
  }
}
