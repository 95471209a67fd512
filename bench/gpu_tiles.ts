/**
 * Products of Swin-T's blocks with every tile that a device can hold, to choose tiles by (kernels/webgpu/primitives/tile_plan.ts):
 * qkv with its norm, the MLP's first product with norm and GELU, its second, and the gradient of a weight; in registers
 * and, where the device has them, on matrix units.
 */

import * as tf from '@tensorflow/tfjs';
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {textTable} from '../kernels/common/text_table.js';
import {type Product, product} from '../kernels/webgpu/primitives/product.js';
import {partsOfSum} from '../kernels/webgpu/primitives/tile_plan.js';
import {findMatrixUnits, matrixUnits} from '../kernels/webgpu/runtime/matrix_units.js';
import {deviceOf, output} from '../kernels/webgpu/runtime/program.js';
import {type MatrixUnits, matrixMemoryBytes, subgroupShare} from '../kernels/webgpu/wgsl/matrix_loop.js';
import type {Tile} from '../kernels/webgpu/wgsl/tile_loop.js';
import {gpuRun} from './gpu_measure.js';
import {interleaved} from './measure.js';
import {STAGES} from './pairs.js';

/** Tile and what an invocation has of it. */
const SIZES = [
  [32, 32, 4, 4],
  [64, 32, 4, 4],
  [64, 64, 4, 4],
  [64, 64, 8, 4],
  [64, 64, 8, 8],
  [128, 32, 8, 4],
  [128, 64, 8, 4],
  [128, 64, 8, 8],
  [128, 128, 8, 8],
];

/** Tiles on matrix units. */
const MATRIX_SIZES = [
  [32, 32],
  [64, 32],
  [64, 64],
  [128, 64],
  [128, 128],
];

/** Those that fit the device. */
function tilesOf({limits}: GPUDevice, units: MatrixUnits | undefined): Tile[] {
  const {maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize} = limits;
  if (units) {
    const share = subgroupShare(units);
    return [16, 32, 64]
      .flatMap((piece) =>
        MATRIX_SIZES.map(([tileRows, tileColumns]) => ({tileRows, tileColumns, piece, ...share})),
      )
      .filter((tile) => {
        const lanes = (units.matrixLanes * tile.tileRows * tile.tileColumns) / (tile.rows * tile.columns);
        const bytes =
          matrixMemoryBytes({...tile, ...units, layoutA: 'rows', layoutB: 'rows'}) +
          8 * tile.tileRows +
          4 * lanes;
        const whole = tile.tileRows % tile.rows === 0 && tile.tileColumns % tile.columns === 0;
        return whole && lanes <= maxComputeInvocationsPerWorkgroup && bytes <= maxComputeWorkgroupStorageSize;
      });
  }
  return [8, 16, 32]
    .flatMap((piece) =>
      SIZES.map(([tileRows, tileColumns, rows, columns]) => ({tileRows, tileColumns, rows, columns, piece})),
    )
    .filter(({tileRows, tileColumns, rows, columns, piece}) => {
      const invocations = (tileRows / rows) * (tileColumns / columns);
      const bytes = 4 * piece * (tileRows + tileColumns) + 8 * tileRows + 4 * invocations;
      return (
        invocations >= tileRows &&
        invocations <= maxComputeInvocationsPerWorkgroup &&
        bytes <= maxComputeWorkgroupStorageSize
      );
    });
}

/** Milliseconds on the GPU, where it has timestamps. */
function onGpu(compute: () => tf.Tensor): (() => Promise<number>) | undefined {
  const {features} = deviceOf(tf.backend() as unknown as WebGPUBackend);
  if (!features.has('timestamp-query')) return undefined;
  return async () => (await tf.time(() => tf.dispose(compute()))).kernelMs as number;
}

/** The products of a stage at a batch: what they are, their sizes, and what is around them. */
function productsOf({size, channels}: (typeof STAGES)[number], batch: number) {
  const rows = batch * size * size;
  const random = (shape: number[]) => tf.randomNormal(shape);
  const norm = {
    prologue: 'norm',
    gamma: random([channels]),
    beta: random([channels]),
    epsilon: 1e-5,
  } as const;
  const x = random([rows, channels]);
  const hidden = random([rows, 4 * channels]);
  const weight = random([channels, 4 * channels]);
  const back = random([4 * channels, channels]);
  const parts = partsOfSum(rows, [[channels, 4 * channels]]);
  const products: [string, Omit<Product, 'c'>][] = [
    ['qkv', {m: rows, k: channels, n: 3 * channels, a: x, b: weight, ...norm}],
    ['MLP 1', {m: rows, k: channels, n: 4 * channels, a: x, b: weight, gelu: true, ...norm}],
    ['MLP 2', {m: rows, k: 4 * channels, n: channels, a: hidden, b: back, addend: x}],
    ['dW 1', {m: channels, k: rows, n: 4 * channels, a: x, b: hidden, layoutA: 'columns', parts}],
  ];
  return {products, tensors: [norm.gamma, norm.beta, x, hidden, weight, back]};
}

export async function benchTiles(batches: number[], repeats: number, inner: number): Promise<void> {
  const backend = tf.backend() as unknown as WebGPUBackend;
  const device = deviceOf(backend);
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter) await findMatrixUnits(device, adapter.info);
  const units = matrixUnits(device);
  for (const batch of batches) {
    for (const stage of STAGES) {
      const {products, tensors} = productsOf(stage, batch);
      for (const [name, given] of products) {
        for (const f16Factors of units && !given.parts ? [false, true] : [false]) {
          const compute = (tile?: Tile) => () => {
            const c = output(backend, [given.parts ?? 1, given.m, given.n]);
            product(backend, {...given, c, f16Factors, tile});
            return tf.engine().makeTensorFromTensorInfo(c);
          };
          const tiles = tilesOf(device, f16Factors ? units : undefined);
          const choices = new Map<string, () => tf.Tensor>([['chosen', compute()]]);
          for (const tile of tiles) {
            const {tileRows, tileColumns, rows, columns, piece} = tile;
            choices.set(`${tileRows}x${tileColumns} of ${rows}x${columns}, ${piece} terms`, compute(tile));
          }
          const alternatives = [...choices].map(
            ([key, f]) => [key, {run: onGpu(f) ?? gpuRun(f, inner)}] as const,
          );
          const times = await interleaved(Object.fromEntries(alternatives), repeats);
          const found = Object.entries(times).map(([key, {median}]): [string, number] => [key, median]);
          found.sort(([, a], [, b]) => a - b);
          const {m, k, n} = given;
          console.log(`${name} ${m}x${k}x${n}, batch ${batch}${f16Factors ? ', matrix units' : ''}`);
          const chosen = found.findIndex(([key]) => key === 'chosen');
          const shown = [...found.slice(0, 4), ...(chosen > 3 ? [found[chosen]] : [])].map(([key, time]) => {
            const speed = (2e-6 * m * k * n) / time;
            return [`    ${time.toFixed(3)} ms`, `${speed.toFixed(1)} GFLOP/s`, key];
          });
          console.log(textTable(shown, (column) => column < 2).join('\n'));
        }
      }
      tf.dispose(tensors);
    }
  }
}
