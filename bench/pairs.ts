/**
 * Pairs of Swin blocks at the four stages of Swin-T (batch 1, window 7), forward and with all gradients, against a port
 * to stock operations (stock_swin.ts); and the body of Swin-T, all of its six pairs after each other.
 */
import * as tf from '@tensorflow/tfjs';
import {type BackendName, swinT} from 'tfjs-swint';
import {alternatives} from './alternatives.js';
import {besidePeak} from './peak.js';
import type {Report} from './report.js';
import {stockPair} from './stock_swin.js';

/** Size of the map, channels, heads, and how many pairs of the stage Swin-T has. */
export const STAGES = [
  {size: 56, channels: 96, numHeads: 3, pairs: 1},
  {size: 28, channels: 192, numHeads: 6, pairs: 1},
  {size: 14, channels: 384, numHeads: 12, pairs: 3},
  {size: 7, channels: 768, numHeads: 24, pairs: 1},
] as const;

type Stage = (typeof STAGES)[number];

const WINDOW = 7;

/** Floating-point operations of a pair, forward: qkv, projection, MLP of four times the width, scores and values. */
export function pairFlops({size, channels}: Stage, batch = 1): number {
  const tokens = batch * size * size;
  return 2 * (2 * tokens * 12 * channels ** 2 + 4 * tokens * WINDOW ** 2 * channels);
}

export interface Pair {
  x: tf.Tensor;
  weights: tf.Variable[];
  swin: (x: tf.Tensor) => tf.Tensor;
  port: (x: tf.Tensor) => tf.Tensor;
}

/** The layer, its port, and an input; they compute the same. */
export function makePair({size, channels, numHeads}: Stage, batch = 1): Pair {
  const layer = swinT({numHeads, windowSize: WINDOW, dataFormat: 'channelsLast'});
  const x = tf.randomNormal([batch, size, size, channels]);
  tf.dispose(layer.apply(x) as tf.Tensor);
  const weights = layer.weights.map((weight) => weight.read() as tf.Variable);
  return {
    x,
    weights,
    swin: (input) => layer.apply(input) as tf.Tensor,
    port: (input) => stockPair(input, {numHeads, window: WINDOW, weights}),
  };
}

/** All gradients of the mean square of what `f` computes. */
export function allGradients(f: (x: tf.Tensor) => tf.Tensor, {x, weights}: Pair): () => tf.Tensor[] {
  const input = tf.variable(x);
  return () =>
    Object.values(
      tf.variableGrads(() => tf.mean(tf.square(f(input))) as tf.Scalar, [input, ...weights]).grads,
    );
}

export async function benchPairs(backend: BackendName, repeats: number, report: Report): Promise<void> {
  report.title('Pairs of blocks, batch 1, window 7');
  for (const stage of STAGES) {
    const pair = makePair(stage);
    const {x, swin, port} = pair;
    const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(swin(x), port(x)))));
    const [worst] = await difference.data();
    if (!(worst < 1e-3)) throw new Error(`ours and the stock pair differ by ${worst}`);
    const name = `pair ${stage.size}x${stage.size}x${stage.channels}, ${stage.numHeads} heads`;
    const amount = pairFlops(stage);
    const forward = alternatives(
      backend,
      () => swin(x),
      () => port(x),
    );
    report.add({
      what: `${name}: forward`,
      ...(await besidePeak(forward, repeats)),
      work: {amount, unit: 'GFLOP/s'},
    });
    const both = alternatives(backend, allGradients(swin, pair), allGradients(port, pair));
    report.add({
      what: `${name}: forward and backward`,
      ...(await besidePeak(both, repeats)),
      work: {amount: 3 * amount, unit: 'GFLOP/s'},
    });
    tf.disposeVariables();
    x.dispose();
  }
}

/** The six pairs of Swin-T's body, one result each. */
export function makeBody(): () => tf.Tensor[] {
  const pairs = STAGES.flatMap((stage) => Array.from({length: stage.pairs}, () => makePair(stage)));
  return () => pairs.map(({swin, x}) => swin(x));
}

export const bodyFlops = STAGES.reduce((sum, stage) => sum + stage.pairs * pairFlops(stage), 0);
