/** Seeded random values for tests. */
import seedrandom from 'seedrandom';
import {type NdArray, ndArray, sizeOf} from '../../kernels/reference/array.js';

/** Standard normal values by Box and Muller, rounded to float32 so that every backend sees the same ones. */
export function randomArrays(
  seed: string,
): (shape: readonly number[], scale?: number, shift?: number) => NdArray {
  const uniform = seedrandom.alea(seed);
  return (shape, scale = 1, shift = 0) =>
    ndArray(
      shape,
      Float32Array.from({length: sizeOf(shape)}, () => {
        const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
        return shift + scale * radius * Math.cos(2 * Math.PI * uniform());
      }),
    );
}
