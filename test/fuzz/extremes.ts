/**
 * Layers on inputs from 1e-30 to 1e30, with NaN and infinities in them: NaN must come out, of the result and of every
 * gradient, where it comes out of the float64 reference, and nowhere else.
 *
 * A float32 program overflows where float64 does not, and sums that tfjs computes by masks have NaN where no NaN goes in:
 * where the composed version in tfjs's plain JavaScript differs from the reference, both are right. Scores of queries and
 * keys that no norm has made small are infinite from 1e19 on; what a softmax makes of them is left to the backend.
 */
import * as tf from '@tensorflow/tfjs';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import {expectedOf, type LayerVerdict, resultsOf, scalesOf} from './check_layer.js';
import {Draw} from './draw.js';
import {
  drawBatchNorm,
  drawBlock,
  drawGelu,
  drawGlobalMax,
  drawMerging,
  drawSwinT,
} from './generators/layers.js';
import type {LayerCase, NamedArrays} from './layer_case.js';

/** A layer whose input is very large or very small, or has numbers in it that are none. */
export function drawExtreme(draw: Draw, shapes = draw): LayerCase {
  const one = draw.pick([drawSwinT, drawBlock, drawMerging, drawBatchNorm, drawGelu, drawGlobalMax])(
    draw,
    shapes,
  );
  const scale = 10 ** draw.integer(-30, 30);
  const data = one.x.data.map((value) => Math.fround(value * scale));
  const special = draw.pick([undefined, Number.NaN, Infinity, -Infinity]);
  if (special !== undefined) {
    for (let i = draw.integer(1, 3); i > 0; i--) data[draw.integer(0, data.length - 1)] = special;
  }
  return {...one, text: `${one.text} times ${scale} with ${special}`, x: ndArray(one.x.shape, data)};
}

/** What the composed version in tfjs's plain JavaScript makes of it. */
async function composed(one: LayerCase, dy: NdArray): Promise<NamedArrays> {
  const backend = tf.getBackend();
  await tf.setBackend('cpu');
  try {
    return await resultsOf(one, dy);
  } finally {
    await tf.setBackend(backend);
  }
}

/** The first place where `found` has NaN and neither of the others has, or the other way round. */
export function misplacedNaN(
  found: NamedArrays,
  reference: NamedArrays,
  plain: NamedArrays,
): string | undefined {
  for (const [name, {data}] of Object.entries(found)) {
    for (const [i, value] of data.entries()) {
      const right = [reference, plain].map((other) => other[name].data[i]);
      if (right.some((other) => Number.isNaN(other) === Number.isNaN(value))) continue;
      return `${name} at ${i}: ${value}, where float64 has ${right[0]} and plain float32 ${right[1]}`;
    }
  }
  return undefined;
}

export async function wrongWithExtreme(
  one: LayerCase,
  {threads}: {threads: readonly number[]},
): Promise<LayerVerdict> {
  const scales = await scalesOf(one);
  const dy = new Draw(one.text).array(expectedOf(one, undefined, scales).y.shape);
  const reference = expectedOf(one, dy, scales);
  const plain = await composed(one, dy);
  const finite = one.x.data.filter(Number.isFinite);
  const overflows = one.rawScores === true && finite.some((value) => Math.abs(value) > 1e15);
  for (const count of threads) {
    setThreads(count);
    const before = tf.memory().numTensors;
    const found = await resultsOf(one, dy);
    if (tf.memory().numTensors !== before) {
      return {wrong: `${tf.memory().numTensors - before} tensors left over`, leftOut: []};
    }
    const wrong = overflows ? undefined : misplacedNaN(found, reference, plain);
    if (wrong) return {wrong: `${wrong}, on ${count} thread(s)`, leftOut: []};
  }
  return {leftOut: []};
}
