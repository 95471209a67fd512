/** Runs product.ts on its own and holds it against float64. */

import * as tf from '@tensorflow/tfjs';
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {type Product, product} from '../../../../kernels/webgpu/primitives/product.js';
import {output} from '../../../../kernels/webgpu/runtime/program.js';
import {expectRelativeClose} from '../../../helpers/compare.js';
import {randomArrays} from '../../../helpers/random.js';

/** The nearest number of 11 significant bits: a 16-bit float, above the subnormal ones. */
export function toF16(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  const scaled = value / unit;
  const rounded = Math.round(scaled);
  const tie = Math.abs(scaled - Math.trunc(scaled)) === 0.5;
  return unit * (tie ? 2 * Math.round(scaled / 2) : rounded);
}

/**
 * C = A B + bias + addend of factors [m, k] and [k, n], in the layouts of `more`; of the factor that is a gradient, if
 * any, row i is some 10^(-4 - i % 8), and there is nothing to add.
 *
 * @param round what the factors are rounded to before they are multiplied.
 */
export async function checkProduct(
  [m, k, n]: readonly [number, number, number],
  more: Partial<Product> = {},
  round: (value: number) => number = (value) => value,
): Promise<void> {
  const {gradient} = more;
  const backend = tf.backend() as unknown as WebGPUBackend;
  const random = randomArrays(`${m} ${k} ${n}`);
  const [a, b, bias, addend] = [[m, k], [k, n], [n], [m, n]].map((shape) =>
    Float32Array.from(random(shape).data),
  );
  const factors = {a: {data: a, width: k}, b: {data: b, width: n}};
  if (gradient) {
    const {data, width} = factors[gradient];
    for (const i of data.keys()) data[i] *= 10 ** (-4 - (Math.floor(i / width) % 8));
    bias.fill(0);
    addend.fill(0);
  }
  const transposed = (data: Float32Array, rows: number, columns: number) =>
    Float32Array.from({length: rows * columns}, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
  const factor = (data: Float32Array, rows: number, columns: number, turn: boolean) =>
    turn ? tf.tensor2d(transposed(data, rows, columns), [columns, rows]) : tf.tensor2d(data, [rows, columns]);
  const inputs = {
    a: factor(a, m, k, more.layoutA === 'columns'),
    b: factor(b, k, n, more.layoutB === 'columns'),
    bias: tf.tensor1d(bias),
    addend: tf.tensor2d(addend, [m, n]),
  };
  const c = output(backend, [m, n]);
  const result = tf.engine().makeTensorFromTensorInfo(c);
  product(backend, {m, n, k, ...inputs, c, ...more});
  const expected = new Float64Array(m * n);
  const rounded = {a: Float64Array.from(a, round), b: Float64Array.from(b, round)};
  for (let row = 0; row < m; row++) {
    for (let t = 0; t < k; t++) {
      const left = rounded.a[row * k + t];
      for (let column = 0; column < n; column++)
        expected[row * n + column] += left * rounded.b[t * n + column];
    }
    for (let column = 0; column < n; column++)
      expected[row * n + column] += bias[column] + addend[row * n + column];
  }
  const actual = await result.data();
  // Each row on its own: with a gradient on the left some are a 10^7th of others.
  for (let row = 0; row < m; row++) {
    const of = (data: ArrayLike<number>) => Array.prototype.slice.call(data, row * n, (row + 1) * n);
    expectRelativeClose(`row ${row} of c`, of(actual), of(expected), 2e-6);
  }
  tf.dispose([...Object.values(inputs), result]);
}
