/**
 * A forward pass that keeps the attention of every windowAttention in it, and which map was made of which.
 *
 * The layers of the model are called one after the other, as tfjs does in `apply`, so that each attention has the name of its
 * layer, and so that rollout (attention_rollout.ts) finds its way back to the image.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {callsOf} from '../../architectures/model_graph.js';
import {observeAttention} from '../../kernels/attention_observer.js';
import type {DataFormat} from '../../kernels/common/data_format.js';
import {attentionProbabilities} from '../../kernels/composed/window_attention.js';
import {
  cellOfToken,
  isPaddingCell,
  type WindowGeometry,
  windowGeometry,
} from '../../kernels/geometry/windows.js';
import type {Symbolic} from '../../layers/tfjs_types.js';

/** Rows and columns of a map. */
export type MapSize = readonly [number, number];

/** The attention of one block: what each cell takes from the cells of its window. */
export interface LayerAttention {
  /** Name of the layer, after that of the model that it is in where that is a layer itself: `encoder/layers.0`. */
  layer: string;
  /** Number of the block in the layer, from 0. */
  block: number;
  /** Rows and columns of the map that the windows lie on. */
  size: [number, number];
  /** Rows and columns of a window on this map, and how far the windows are shifted. */
  window: [number, number];
  shift: [number, number];
  /** Number of windows nW, of attention heads, and of cells in a window N. */
  windows: number;
  heads: number;
  tokens: number;
  /** The cells of each window, [nW, N]: row * columns + column, or -1 for one that padding added. */
  cells: Int32Array;
  /** softmax of the scores, [nW, heads, N, N]: for each cell of a window what it takes from each of them; rows sum to 1. */
  probabilities: Float32Array;
  /** Whether the block adds its input to what it attends to, as SwinT and swinBlock do and windowAttention alone does not. */
  residual: boolean;
}

/** One call of a layer. */
export interface RunStep {
  className: string;
  inputs: tf.Tensor[];
  outputs: tf.Tensor[];
  attention: LayerAttention[];
}

/** What was computed of what. The tensors are names only: their numbers are gone. */
export interface AttentionRun {
  steps: RunStep[];
  image: tf.Tensor;
  outputs: tf.Tensor[];
  /** Rows and columns of the tensors that are maps. */
  sizes: Map<tf.Tensor, MapSize>;
}

/** Attention whose probabilities are still on the device. */
interface Recorded extends Omit<LayerAttention, 'probabilities'> {
  probabilities: tf.Tensor;
}

interface RecordedStep extends Omit<RunStep, 'attention'> {
  attention: Recorded[];
}

/** What a run finds out on its way. */
interface Recording {
  steps: RecordedStep[];
  formats: Map<tf.Tensor, DataFormat>;
  sizes: Map<tf.Tensor, MapSize>;
}

/**
 * Runs a model on one image, in inference mode.
 *
 * @param image [1, C, H, W] or [1, H, W, C]. The caller disposes it.
 */
export async function runWithAttention(
  model: tfl.LayersModel,
  image: tf.Tensor4D,
  dataFormat: DataFormat,
): Promise<AttentionRun> {
  const recording: Recording = {steps: [], formats: new Map(), sizes: new Map()};
  try {
    const outputs: tf.Tensor[] = [];
    tf.tidy(() => {
      note(recording, image, dataFormat);
      outputs.push(...runModel(recording, model, [image], ''));
    });
    const steps = await Promise.all(recording.steps.map(read));
    return {steps, image, outputs, sizes: recording.sizes};
  } finally {
    for (const {attention} of recording.steps) tf.dispose(attention.map(({probabilities}) => probabilities));
  }
}

async function read({attention, ...step}: RecordedStep): Promise<RunStep> {
  const values = await Promise.all(attention.map(({probabilities}) => probabilities.data<'float32'>()));
  return {...step, attention: attention.map((one, i) => ({...one, probabilities: values[i]}))};
}

/** @param prefix What comes before the names of the layers. */
function runModel(
  recording: Recording,
  model: tfl.LayersModel,
  inputs: tf.Tensor[],
  prefix: string,
): tf.Tensor[] {
  const values = new Map<number, tf.Tensor>(model.inputs.map(({id}, i) => [id, inputs[i]]));
  const computed = ({id}: Symbolic) => values.get(id) as tf.Tensor;
  for (const {layer, inputs: symbolic, outputs, callArguments} of callsOf(model)) {
    const given = symbolic.map(computed);
    const results =
      layer instanceof tfl.LayersModel
        ? runModel(recording, layer, given, `${prefix}${layer.name}/`)
        : runLayer(recording, layer, given, callArguments, prefix);
    for (const [i, {id}] of outputs.entries()) values.set(id, results[i]);
  }
  return model.outputs.map(computed);
}

function runLayer(
  recording: Recording,
  layer: tfl.layers.Layer,
  inputs: tf.Tensor[],
  callArguments: Record<string, unknown>,
  prefix: string,
): tf.Tensor[] {
  const attention: Recorded[] = [];
  const className = layer.getClassName();
  const step: RecordedStep = {className, inputs, outputs: [], attention};
  // From here on the recording owns the probabilities, whatever the layer throws.
  recording.steps.push(step);
  const residual = className === 'SwinT' || className === 'SwinBlock';
  const result = observeAttention(
    (given, attrs) => {
      const [, height, width] = given.qkv.shape;
      const geometry = windowGeometry([height, width], attrs.windowSize, attrs.shift, attrs.padding);
      attention.push({
        ...{layer: prefix + layer.name, block: attention.length, residual},
        ...describe(geometry, attrs.numHeads),
        probabilities: tf.keep(attentionProbabilities(given, attrs)),
      });
    },
    () => layer.apply(inputs.length === 1 ? inputs[0] : inputs, {...callArguments, training: false}),
  );
  step.outputs = (Array.isArray(result) ? result : [result]) as tf.Tensor[];
  const format = formatAfter(layer, className, recording.formats.get(inputs[0]));
  for (const output of step.outputs) note(recording, output, format);
  return step.outputs;
}

function describe(geometry: WindowGeometry, heads: number) {
  const {size, window, shift, windows, tokens, padded} = geometry;
  const cells = new Int32Array(windows * tokens);
  for (let w = 0; w < windows; w++) {
    for (let t = 0; t < tokens; t++) {
      const cell = cellOfToken(geometry, w, t);
      const [row, column] = [Math.floor(cell / padded[1]), cell % padded[1]];
      cells[w * tokens + t] = isPaddingCell(geometry, cell) ? -1 : row * size[1] + column;
    }
  }
  return {
    size: [...size] as [number, number],
    window: [...window] as [number, number],
    shift: [...shift] as [number, number],
    ...{windows, heads, tokens, cells},
  };
}

/** Where the channels are in what a layer returns: where it says they are, else where they were before it. */
function formatAfter(
  layer: tfl.layers.Layer & {dataFormat?: unknown; dims?: unknown},
  className: string,
  before: DataFormat | undefined,
): DataFormat | undefined {
  const {dataFormat, dims} = layer;
  if (dataFormat === 'channelsFirst' || dataFormat === 'channelsLast') return dataFormat;
  const turn = className === 'Permute' ? String(dims) : '';
  if (turn === '2,3,1') return 'channelsLast';
  return turn === '3,1,2' ? 'channelsFirst' : before;
}

/** Notes the size of a tensor that is a map, and where its channels are. */
function note({formats, sizes}: Recording, tensor: tf.Tensor, format: DataFormat | undefined): void {
  if (format === undefined) return;
  formats.set(tensor, format);
  const [, a, b, c] = tensor.shape;
  if (tensor.rank === 4) sizes.set(tensor, format === 'channelsFirst' ? [b, c] : [a, b]);
}
