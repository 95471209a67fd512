/**
 * Transpose for the webgpu backend: y[i] = x[i with its axes in another order].
 *
 * Axes of size 1 do not count, and axes that stay neighbours count as one. What is left is nothing at all, in which case x
 * and y share their values; or a transpose of matrices, [B, R, C] to [B, C, R] (NCHW to NHWC and back); or another one,
 * which goes to the stock kernel, as do small tensors that are not on the GPU yet. The stock kernel's shader is invalid for
 * int32 and bool; those are gathered here.
 *
 * A workgroup moves a tile through workgroup memory, so that neighbours read neighbours and write neighbours; the stock
 * kernel reads each number where it is. Matrices of few rows or columns, which leave most of a tile empty, go to it too:
 * what it reads apart is then soon read again.
 *
 * Source: Ruetsch & Micikevicius 2009, "Optimizing Matrix Transpose in CUDA", for the tile and its odd width.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {type MovedAxis, movedAxes, movedMatrices} from '../../geometry/transpose.js';
import type {Inputs} from '../../kernel_config.js';
import {tileGrid} from '../primitives/tile_plan.js';
import {output, run} from '../runtime/program.js';
import {readBuffer, type Shader, writeBuffer} from '../runtime/shader.js';

/** Rows and columns of a tile, and rows that its invocations move at a time. */
const TILE = 32;
const AT_ONCE = 8;

/** Fewest rows, and columns, of a matrix that goes through tiles. */
const FEWEST = 8;

/** Numbers of 32 bits of any type: they are moved, not read. */
export const transposeShader: Shader<object> = {
  name: 'transpose',
  size: () => TILE * AT_ONCE,
  uniforms: {rows: 'u32', columns: 'u32', tilesDown: 'u32', tilesAcross: 'u32'},
  bindings: () => [writeBuffer('y', 'i32'), readBuffer('x', 'i32')],
  declarations: () => `var<workgroup> tile: array<i32, ${TILE * (TILE + 1)}>;`,
  body: () => `
  let matrix = group / (u.tilesDown * u.tilesAcross);
  let number = group % (u.tilesDown * u.tilesAcross);
  let firstRow = (number / u.tilesAcross) * ${TILE}u;
  let firstColumn = (number % u.tilesAcross) * ${TILE}u;
  let along = lane % ${TILE}u;
  let begin = matrix * u.rows * u.columns;
  for (var i = lane / ${TILE}u; i < ${TILE}u; i += ${AT_ONCE}u) {
    let row = firstRow + i;
    let column = firstColumn + along;
    if (row < u.rows && column < u.columns) {
      tile[i * ${TILE + 1}u + along] = x[begin + row * u.columns + column];
    }
  }
  workgroupBarrier();
  for (var i = lane / ${TILE}u; i < ${TILE}u; i += ${AT_ONCE}u) {
    let row = firstRow + along;
    let column = firstColumn + i;
    if (row < u.rows && column < u.columns) {
      y[begin + column * u.rows + row] = tile[along * ${TILE + 1}u + i];
    }
  }`,
};

/** Numbers of a workgroup of the gathering shader, and the most axes that tfjs has. */
const GATHERED = 256;
const AXES = [0, 1, 2, 3, 4, 5];

/** Any permutation of six axes: `size` of y, and `from`, how far apart their steps are in x. */
const gatherShader: Shader<object> = {
  name: 'transpose_gather',
  size: () => GATHERED,
  uniforms: {
    numbers: 'u32',
    ...Object.fromEntries(
      AXES.flatMap((axis) => [`size${axis}`, `from${axis}`].map((name) => [name, 'u32'] as const)),
    ),
  },
  bindings: () => [writeBuffer('y', 'i32'), readBuffer('x', 'i32')],
  declarations: () => '',
  body: () => `
  let number = group * ${GATHERED}u + lane;
  if (number < u.numbers) {
    var rest = number;
    var at = 0u;
    ${[...AXES]
      .reverse()
      .map((axis) => `at += (rest % u.size${axis}) * u.from${axis}; rest /= u.size${axis};`)
      .join('\n    ')}
    y[number] = x[at];
  }`,
};

function gather(
  backend: WebGPUBackend,
  x: tf.TensorInfo,
  y: tf.TensorInfo,
  axes: readonly MovedAxis[],
): void {
  const numbers = tf.util.sizeFromShape(y.shape);
  const uniforms: Record<string, number> = {numbers};
  for (const i of AXES) {
    const axis = axes[i - (AXES.length - axes.length)];
    uniforms[`size${i}`] = axis?.size ?? 1;
    uniforms[`from${i}`] = axis?.from ?? 0;
  }
  run(backend, gatherShader, {}, {x, y}, uniforms, Math.ceil(numbers / GATHERED));
}

/** y; undefined is the stock kernel's to compute. */
export function transpose(
  backend: WebGPUBackend,
  {x}: Inputs<'x'>,
  {perm}: tf.TransposeAttrs,
): tf.TensorInfo | undefined {
  const {dtype} = x;
  const moves = dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
  if (!moves) return undefined;
  const shape = perm.map((axis) => x.shape[axis]);
  const isEmpty = tf.util.sizeFromShape(shape) === 0;
  if (!isEmpty && backend.shouldExecuteOnCPU([x])) return undefined;
  const axes = movedAxes(x.shape, perm);
  if (isEmpty || axes.length <= 1) {
    backend.incRef(x.dataId);
    return {dataId: x.dataId, shape, dtype};
  }
  const found = movedMatrices(axes);
  if (!found || Math.min(found.rows, found.columns) < FEWEST) {
    if (dtype === 'float32') return undefined;
    const y = output(backend, shape, dtype);
    gather(backend, x, y, axes);
    return y;
  }
  const {matrices, rows, columns} = found;
  const {tiles, ...grid} = tileGrid(rows, columns, {tileRows: TILE, tileColumns: TILE});
  const y = output(backend, shape, dtype);
  run(backend, transposeShader, {}, {x, y}, {rows, columns, ...grid}, matrices * tiles);
  return y;
}
