/**
 * Runs a case of a layer on the current backend and compares what it makes of the input, the gradients of the input and of
 * every weight, and the weights that it moves itself with the float64 reference.
 *
 * An error counts relative to the norm of the whole, or to 1 where that is larger. Where large terms cancel (a norm over two
 * nearly equal channels, the gradient of a softmax that has chosen), no float32 program stays within the bounds. How much
 * float32 loses there is measured: the composed version runs in tfjs's plain JavaScript on inputs and weights that are off
 * by half a bit, again and again, and the results scatter. An error may be a few times the scatter. Whether the composed
 * version is right has no part in this: what is wrong by the same amount in every run does not scatter, and counts for 2e-5 at most. A result that
 * scatters too much says nothing, and is left out and counted.
 */
import * as tf from '@tensorflow/tfjs';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import {expectRelativeClose} from '../helpers/compare.js';
import {Draw} from './draw.js';
import type {FuzzBackend} from './fuzz_case.js';
import type {LayerCase, NamedArrays} from './layer_case.js';

/** Largest relative error of the result, and of a gradient. */
const TOLERANCES = {wasm: {y: 1e-5, gradient: 1e-5}, webgpu: {y: 1e-5, gradient: 1e-4}};

/** How many times the scatter an error may be. */
const FEW_TIMES = 16;

/** From this scatter on a result is left out. */
const ILL_CONDITIONED = 1e-4;

/** How many times the inputs are nudged. */
const NUDGED_RUNS = 8;

/** Up to this an error of the composed version counts once: a softmax that has chosen rounds to 1 in every run. */
const SHARED_ROUNDING = 2e-5;

const toTensor = ({shape, data}: NdArray) => tf.tensor(Float32Array.from(data), [...shape]);

async function toArray(tensor: tf.Tensor): Promise<NdArray> {
  return ndArray(tensor.shape, await tensor.data());
}

/** The arrays that a layer made: y of both ways to call it, dx, and by name the weights' gradients and moved weights. */
export async function resultsOf(one: LayerCase, dy: NdArray): Promise<NamedArrays> {
  const layer = one.create();
  const x = tf.tidy(() => tf.variable(toTensor(one.x)));
  const cotangent = toTensor(dy);
  const made: Record<string, tf.Tensor> = {};
  try {
    layer.build([...one.x.shape]);
    for (const [i, array] of Object.values(one.weights).entries()) {
      const value = toTensor(array);
      layer.weights[i].write(value);
      value.dispose();
    }
    const trained = Object.keys(one.weights).filter((_, i) => layer.weights[i].trainable);
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const run = () => {
      made.y = tf.keep(layer.apply(x, {training: one.training}) as tf.Tensor);
      return tf.sum(tf.mul(made.y, cotangent)) as tf.Scalar;
    };
    const {value, grads} = tf.variableGrads(run, [x, ...variables]);
    value.dispose();
    made.dx = grads[x.name];
    for (const [i, name] of trained.entries()) made[`d ${name}`] = grads[variables[i].name];
    for (const [i, name] of Object.keys(one.weights).entries()) {
      if (!layer.weights[i].trainable) made[`moved ${name}`] = tf.clone(layer.weights[i].read());
    }
    // Without gradients other kernels may run. In training it would draw other random numbers, and move weights again.
    if (!one.training) made['y without gradients'] = layer.apply(x) as tf.Tensor;
    const arrays: NamedArrays = {};
    for (const [name, tensor] of Object.entries(made)) arrays[name] = await toArray(tensor);
    return arrays;
  } finally {
    tf.dispose([made, x, cotangent]);
    for (const weight of layer.weights) weight.dispose();
  }
}

/** The factors of drop-path that the pass will draw. */
export async function scalesOf(one: LayerCase): Promise<NdArray[]> {
  const drawn = one.scales?.() ?? [];
  const scales = await Promise.all(drawn.map(toArray));
  tf.dispose(drawn);
  return scales;
}

/** What the reference has for each of the results. */
export function expectedOf(one: LayerCase, dy: NdArray | undefined, scales: NdArray[]): NamedArrays {
  const {y, back, moved = {}} = one.reference(one.x, one.weights, scales);
  const expected: NamedArrays = {y};
  if (!dy) return expected;
  if (!one.training) expected['y without gradients'] = y;
  const gradients: NamedArrays = {};
  expected.dx = back(dy, gradients);
  for (const [name, array] of Object.entries(gradients)) expected[`d ${name}`] = array;
  for (const name of ['moving_mean', 'moving_variance']) {
    if (name in one.weights) expected[`moved ${name}`] = moved[name] ?? one.weights[name];
  }
  return expected;
}

/** The case with every number of its input and its weights off by up to half a bit of a float32. */
function nudged(one: LayerCase, draw: Draw): LayerCase {
  const nudge = ({shape, data}: NdArray) =>
    ndArray(
      shape,
      data.map((value) => value * (1 + (draw.integer(0, 2) - 1) * 2 ** -24)),
    );
  const weights = Object.fromEntries(
    Object.entries(one.weights).map(([name, array]) => [name, nudge(array)]),
  );
  return {...one, x: nudge(one.x), weights};
}

/** ||a - b|| relative to the norm of what is expected, or to 1. */
function distance(a: NdArray, b: NdArray, expected: NdArray): number {
  const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  return norm(a.data.map((value, i) => value - b.data[i])) / Math.max(norm(expected.data), 1);
}

/**
 * How the results of the composed version scatter on inputs that are half a bit apart. It is run once more whenever that is asked
 * for: most cases need to know of a little scatter only.
 */
class Scatter {
  private readonly runs: NamedArrays[] = [];

  constructor(
    private readonly one: LayerCase,
    private readonly dy: NdArray,
    private readonly expected: NamedArrays,
  ) {}

  /** Whether it has been run as often as it will be: once as it is, and nudged. */
  get complete(): boolean {
    return this.runs.length > NUDGED_RUNS;
  }

  async runOnce(): Promise<void> {
    const {one, dy, runs} = this;
    const backend = tf.getBackend();
    await tf.setBackend('cpu');
    try {
      runs.push(await resultsOf(runs.length === 0 ? one : nudged(one, new Draw(`${runs.length}`)), dy));
    } finally {
      await tf.setBackend(backend);
    }
  }

  /** What an error of a result may be beyond the tolerance, by the runs so far; more runs never make it smaller. */
  allowance(name: string): number {
    const {runs} = this;
    if (runs.length === 0) return 0;
    const expected = this.expected[name];
    const own = distance(runs[0][name], expected, expected);
    const apart = runs.flatMap((run, i) =>
      runs.slice(0, i).map((other) => distance(run[name], other[name], expected)),
    );
    const scatter = Math.max(0, ...apart);
    if (!(scatter < ILL_CONDITIONED)) return Number.POSITIVE_INFINITY;
    return Math.min(own, SHARED_ROUNDING) + FEW_TIMES * scatter;
  }
}

/** What a comparison found. */
export interface LayerVerdict {
  /** What is wrong; undefined where all is right. */
  wrong?: string;
  /** Results that could not be judged: see above. */
  leftOut: string[];
}

export async function wrongWithLayer(
  one: LayerCase,
  {backend, threads}: {backend: FuzzBackend; threads: readonly number[]},
): Promise<LayerVerdict> {
  const scales = await scalesOf(one);
  const dy = new Draw(one.text).array(expectedOf(one, undefined, scales).y.shape);
  const expected = expectedOf(one, dy, scales);
  const leftOut: string[] = [];
  const scatter = new Scatter(one, dy, expected);
  for (const count of threads) {
    setThreads(count);
    const before = tf.memory().numTensors;
    const found = await resultsOf(one, dy);
    const left = tf.memory().numTensors - before;
    if (left !== 0) return {wrong: `${left} tensors left over`, leftOut};
    const odd = wrongNames(found, expected);
    if (odd) return {wrong: odd, leftOut};
    for (const [name, {data}] of Object.entries(expected)) {
      const tolerance = TOLERANCES[backend][name.startsWith('d') ? 'gradient' : 'y'];
      const wrong = (allowance: number) => wrongValues(name, found[name].data, data, tolerance + allowance);
      if (!wrong(0)) continue;
      let message = wrong(scatter.allowance(name));
      while (message && !scatter.complete) {
        await scatter.runOnce();
        message = wrong(scatter.allowance(name));
      }
      if (message) return {wrong: `${message}, on ${count} thread(s)`, leftOut};
      // What cannot be judged is finite where it should be: that has been looked at.
      if (scatter.allowance(name) === Number.POSITIVE_INFINITY) leftOut.push(name);
    }
  }
  return {leftOut};
}

/** What differs in the names and the shapes of the results. */
function wrongNames(found: NamedArrays, expected: NamedArrays): string | undefined {
  const names = [expected, found].map((arrays) => Object.keys(arrays).sort().join(', '));
  if (names[0] !== names[1]) return `results ${names[1]} where ${names[0]} are right`;
  for (const [name, {shape}] of Object.entries(expected)) {
    const got = found[name].shape;
    if (!tf.util.arraysEqual([...got], [...shape])) return `${name} of [${got}], not [${shape}]`;
  }
  return undefined;
}

function wrongValues(name: string, actual: Float64Array, expected: Float64Array, tolerance: number) {
  try {
    expectRelativeClose(name, actual, expected, tolerance, 1);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
