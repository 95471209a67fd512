/** Types of elements in checkpoints, called as in safetensors, and what can be read as float32. */
import {CheckpointError} from '../errors.js';

/** Bits of an element. */
export const DTYPE_BITS: Readonly<Record<string, number>> = {
  ...{BOOL: 8, U8: 8, I8: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6},
  ...{U16: 16, I16: 16, F16: 16, BF16: 16, U32: 32, I32: 32, F32: 32},
  ...{U64: 64, I64: 64, F64: 64, C64: 64},
};

/**
 * Little-endian bytes as float32; those of F32 are not copied where they lie at a multiple of four.
 *
 * @param who The file and tensor, for messages.
 * @throws CheckpointError for a type that is no floating-point number of 16, 32 or 64 bits.
 */
export function float32Values(who: string, dtype: string, raw: Uint8Array): Float32Array {
  // The bytes of a file are little-endian, as every platform is that runs this.
  if (dtype === 'F32') {
    const {buffer, byteOffset} = aligned(raw, 4);
    return new Float32Array(buffer, byteOffset, raw.byteLength / 4);
  }
  if (dtype === 'F16') return fromHalf(raw);
  if (dtype === 'BF16') return fromBfloat(raw);
  if (dtype === 'F64') {
    const {buffer, byteOffset} = aligned(raw, 8);
    return Float32Array.from(new Float64Array(buffer, byteOffset, raw.byteLength / 8));
  }
  throw new CheckpointError(`${who} must be F32, F16, BF16 or F64 to be used as a weight; got ${dtype}.`);
}

/** The bytes themselves, or a copy where they do not begin at a multiple of `bytes`. */
const aligned = (raw: Uint8Array, bytes: number) => (raw.byteOffset % bytes === 0 ? raw : raw.slice());

function halves(raw: Uint8Array): Uint16Array {
  const {buffer, byteOffset} = aligned(raw, 2);
  return new Uint16Array(buffer, byteOffset, raw.byteLength / 2);
}

function fromBfloat(raw: Uint8Array): Float32Array {
  const bits = halves(raw);
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = bits[i] << 16;
  return new Float32Array(result.buffer);
}

function fromHalf(raw: Uint8Array): Float32Array {
  const bits = halves(raw);
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000 ? -1 : 1;
    const exponent = (bits[i] >> 10) & 31;
    const fraction = bits[i] & 1023;
    if (exponent === 0) result[i] = sign * fraction * 2 ** -24;
    else if (exponent < 31) result[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    else result[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  }
  return result;
}

/** The nearest float16 of each value, all finite, as bits; null where one is too large. */
export function toHalf(values: Float32Array): Uint16Array | null {
  const halves = new Uint16Array(values.length);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const size = Math.abs(values[i]);
    if (size >= 65520) return null;
    if (size < 2 ** -14) {
      // Multiples of 2^-24; the first normal number follows the last of them, as bits too.
      halves[i] = sign | roundToEven(size * 2 ** 24);
    } else {
      // 13 bits of the fraction go; what is carried goes into the exponent.
      const kept = (bits[i] & 0x7fffffff) - (112 << 23);
      halves[i] = sign | ((kept + 0xfff + ((kept >>> 13) & 1)) >>> 13);
    }
  }
  return halves;
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const part = value - below;
  if (part !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
