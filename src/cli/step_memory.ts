/**
 * Whether a training step fits in memory, known before the first one. What a step needs at least, in bytes:
 *
 *     4 (1.6 B outputs + 16 B swin + 4 weights)
 *
 * B images; outputs, the numbers that all layers together return for an image, which stay for the gradients; swin, those
 * that go into SwinT layers, once for each block; weights, with their gradients and AdamW's two averages. Both factors lie
 * a fifth below what the wasm heap grew by with networks of 14, 29 and 50 layers and images of 32 to 128 pixels, so that
 * nothing is refused that would have run.
 */
import {totalmem} from 'node:os';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {ImageDataset} from '../data/dataset.js';
import {ConfigError} from '../errors.js';

const OUTPUT_FACTOR = 1.6;
const SWIN_FACTOR = 16;
const WEIGHT_FACTOR = 4;
const FLOAT_BYTES = 4;

/** The heap of tfjs's wasm backend can have 65,535 pages. */
const WASM_HEAP = 65_535 * 65_536;

/** What a network is trained with. */
export interface StepUse {
  /** What the network is called. */
  name: string;
  model: tfl.LayersModel;
  data: Pick<ImageDataset, 'height' | 'width'>;
  /** Images of a step. */
  batchSize: number;
  backend: string;
}

/** @throws ConfigError, naming size and batch, where a step cannot fit. */
export function checkStepMemory(use: StepUse, memory = memoryOf(use.backend)): void {
  const {name, model, data, batchSize} = use;
  const {outputs, swin} = numbersOfAnImage(model);
  const fixed = FLOAT_BYTES * WEIGHT_FACTOR * model.countParams();
  const image = FLOAT_BYTES * (OUTPUT_FACTOR * outputs + SWIN_FACTOR * swin);
  const needed = fixed + batchSize * image;
  if (needed <= memory) return;
  const fitting = Math.floor((memory - fixed) / image);
  const share = Math.sqrt(Math.max(0, memory - fixed) / (batchSize * image));
  const side = Math.floor(share * Math.max(data.height, data.width));
  const fixes = [
    ...(fitting >= 1 ? [`--batch-size ${fitting} or less`] : []),
    ...(side >= 8 ? [`--image-size ${side} or less`] : []),
  ];
  throw new ConfigError(
    `train: a step must fit in the memory of ${use.backend}, ${gigabytes(memory)}; ${name} needs at least ` +
      `${gigabytes(needed)} for ${imagesOf(use)} (${fixes.join(', or ') || 'use a smaller network'}).`,
  );
}

/**
 * The error of a training whose backend ran out of memory all the same, naming size and batch; any other error as it is.
 */
export function memoryError(error: unknown, use: Omit<StepUse, 'model'>): unknown {
  const {name, message} = error instanceof Error ? error : new Error(String(error));
  if (!/out of (bounds|memory)|allocation fail|heap/i.test(message) || name === 'DataError') return error;
  return new ConfigError(
    `train: a step must fit in the memory of ${use.backend}; ${use.name} with ${imagesOf(use)} ended in "${message}" ` +
      '(use a smaller --batch-size or --image-size).',
    {cause: error},
  );
}

const imagesOf = ({batchSize, data}: Pick<StepUse, 'batchSize' | 'data'>) =>
  `${batchSize} ${batchSize === 1 ? 'image' : 'images'} of ${data.height}x${data.width} a step`;

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

/** Bytes that the backend can have; a GPU does not say. */
function memoryOf(backend: string): number {
  if (backend === 'webgpu') return Infinity;
  return backend === 'wasm' ? Math.min(WASM_HEAP, totalmem()) : totalmem();
}

/** Numbers that all layers return for one image, and those that go into SwinT layers, once for each block. */
function numbersOfAnImage(model: tfl.LayersModel): {outputs: number; swin: number} {
  let [outputs, swin] = [0, 0];
  for (const layer of model.layers) {
    outputs += numbers(layer.outputShape as (number | null)[]);
    if (layer.getClassName() !== 'SwinT') continue;
    const depth = layer.getConfig().depth as number;
    swin += depth * numbers((layer.input as tfl.SymbolicTensor).shape);
  }
  return {outputs, swin};
}

const numbers = (shape: readonly (number | null)[]) =>
  shape.slice(1).reduce<number>((product, extent) => product * (extent ?? 1), 1);
