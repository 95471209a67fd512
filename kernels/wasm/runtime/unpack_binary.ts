/**
 * The two builds of the kernels' WebAssembly module, out of the text that build.mjs has put them into: hexadecimal digits, a
 * block of the one and a block of the other in turn.
 *
 * Why not base64 of the one and of the other: the two modules are nearly the same. In this order they are so within the
 * 32 KiB that gzip looks back on, and digits keep equal bytes equal text. A page gets 34 KiB in place of 68.
 */
import {BLOCK_BYTES, BYTES, DIGITS} from './binary.js';

/** The value of a hexadecimal digit, by its character code: 0-9 or a-f. */
const digitOf = (code: number) => (code & 15) + (code >> 6) * 9;

/** The modules that every engine with SIMD runs, and that with relaxed SIMD. */
export function kernelBinaries(): {simd: Uint8Array<ArrayBuffer>; relaxed: Uint8Array<ArrayBuffer>} {
  const [simd, relaxed] = [new Uint8Array(BYTES[0]), new Uint8Array(BYTES[1])];
  let at = 0;
  for (let start = 0; at < DIGITS.length; start += BLOCK_BYTES) {
    for (const binary of [simd, relaxed]) {
      const end = Math.min(start + BLOCK_BYTES, binary.length);
      for (let i = start; i < end; i++, at += 2) {
        binary[i] = digitOf(DIGITS.charCodeAt(at)) * 16 + digitOf(DIGITS.charCodeAt(at + 1));
      }
    }
  }
  return {simd, relaxed};
}
