/**
 * The sum over the rows of a matrix, for the composed versions: y[c] = sum over r of x[r, c].
 *
 * x [R, C] float32, y [C]. The stock Sum transposes first when the axis is not the last, and a product with a row of
 * ones makes XNNPACK pack all of x (8 ms for [32768, 64]). This loop reads x once, four rows at a time; sums are kept
 * in float64.
 */

import {wasmKernel} from './wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const sumRowsConfig = wasmKernel<'x', object>('SwintSumRows', (backend, {x}) => {
  const [rows, columns] = x.shape as [number, number];
  const y = backend.makeOutput([columns], 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const values = backend.typedArrayFromHeap(x) as Float32Array;
  const sums = new Float64Array(columns);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let at = row * columns;
    for (let column = 0; column < columns; column++, at++) {
      sums[column]! +=
        values[at]! + values[at + columns]! + (values[at + 2 * columns]! + values[at + 3 * columns]!);
    }
  }
  for (; row < rows; row++) {
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      sums[column]! += values[at]!;
    }
  }
  backend.typedArrayFromHeap(y).set(sums);
  return y;
});
