/** The sum over the rows of a matrix, for the composed versions: y[c] = sum over r of x[r, c], x [R, C], y [C]. */

import {sumAxis} from './sum.js';
import {wasmKernel} from './wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const sumRowsConfig = wasmKernel<'x', object>('SwintSumRows', (backend, {x}) => {
  const [rows, columns] = x.shape as [number, number];
  return sumAxis(backend, x, [1, rows, columns], 1, [columns]);
});
