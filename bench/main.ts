/**
 * Benchmarks of this library against a port to stock tfjs operations and kernels, in one run, interleaved.
 *
 *   npm run bench -- [--backend wasm] [--repeats 5] [--json FILE]
 *
 * Pairs of Swin blocks at the four stages of Swin-T (batch 1, window 7), forward and with all gradients; a training
 * step of the CIFAR SwinResNet and of its convolution twin (batch 32). Times in milliseconds: median (fastest to
 * slowest); the ratio is stock by ours.
 */
import {writeFileSync} from 'node:fs';
import {cpus} from 'node:os';
import {parseArgs} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {
  AdamW,
  type BackendName,
  backendReport,
  kernelsInUse,
  setupBackend,
  swinResNet,
  swinT,
} from 'tfjs-swint';
import {type Alternative, interleaved, type Timing} from './measure.js';
import {stockPair} from './stock_swin.js';

interface Row {
  what: string;
  ours: Timing;
  stock?: Timing;
}

const {values: options} = parseArgs({
  options: {
    backend: {type: 'string', default: 'wasm'},
    repeats: {type: 'string', default: '5'},
    json: {type: 'string'},
  },
});

const backend = options.backend as BackendName;

/** Ours on the library's own kernels, the port on those of tfjs alone. */
const ours = (run: Alternative['run']): Alternative => ({run, prepare: () => setupBackend(backend)});
const stock = (run: Alternative['run']): Alternative => ({
  run,
  prepare: () => setupBackend(backend, {kernels: 'tfjs'}),
});

/** A pair of blocks on a map of size x size cells. */
async function pair(size: number, channels: number, numHeads: number, repeats: number): Promise<Row[]> {
  const layer = swinT({numHeads, windowSize: 7, dataFormat: 'channelsLast'});
  const x = tf.randomNormal([1, size, size, channels]);
  tf.dispose(layer.apply(x) as tf.Tensor);
  const weights = layer.weights.map((weight) => weight.read() as tf.Variable);
  const swin = (input: tf.Tensor) => layer.apply(input) as tf.Tensor;
  const port = (input: tf.Tensor) => stockPair(input, {numHeads, window: 7, weights});
  const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(swin(x), port(x)))));
  if (!((await difference.data())[0] < 1e-3))
    throw new Error('ours and the stock pair do not compute the same');
  const input = tf.variable(x);
  const training = (f: (input: tf.Tensor) => tf.Tensor) => () =>
    Object.values(
      tf.variableGrads(() => tf.mean(tf.square(f(input))) as tf.Scalar, [input, ...weights]).grads,
    );
  const name = `pair ${size}x${size}x${channels}, ${numHeads} heads`;
  const forward = await interleaved({ours: ours(() => swin(x)), stock: stock(() => port(x))}, repeats);
  const both = await interleaved({ours: ours(training(swin)), stock: stock(training(port))}, repeats);
  tf.dispose([x, difference, input]);
  layer.dispose();
  return [
    {what: `${name}: forward`, ...forward},
    {what: `${name}: forward and backward`, ...both},
  ];
}

/** A training step of a network on 32 images of 32x32. */
async function step(convolution: boolean, repeats: number): Promise<Row> {
  const model = swinResNet({numClasses: 10, convolution, seed: 1});
  const images = tf.randomNormal([32, 3, 32, 32]);
  const labels = tf.oneHot(tf.range(0, 32, 1, 'int32').mod(tf.scalar(10, 'int32')).cast('int32'), 10);
  const optimizer = new AdamW({learningRate: 1e-4});
  const run = () =>
    optimizer.minimize(
      () =>
        tf.losses.softmaxCrossEntropy(
          labels,
          model.apply(images, {training: true}) as tf.Tensor,
        ) as tf.Scalar,
      true,
    ) as tf.Scalar;
  const timings = await interleaved({ours: ours(run)}, repeats);
  tf.dispose([images, labels]);
  return {what: `training step, ${model.name}, batch 32`, ...timings};
}

const show = ({median, min, max}: Timing) => `${median.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)})`;

await setupBackend(backend);
const repeats = Number(options.repeats);
if (!Number.isInteger(repeats) || repeats < 1)
  throw new Error(`--repeats must be a positive integer; got ${options.repeats}`);
const machine = `${cpus().length} x ${cpus()[0].model}`;
console.log(`${machine}, node ${process.version}, ${backendReport().backend}: ${backendReport().device}\n`);

const rows: Row[] = [];
const report = (row: Row) => {
  rows.push(row);
  const stock = row.stock
    ? `stock ${show(row.stock)}   ratio ${(row.stock.median / row.ours.median).toFixed(2)}`
    : '';
  console.log(`${row.what.padEnd(52)} ours ${show(row.ours).padEnd(28)} ${stock}`);
};
for (const [size, channels, numHeads] of [
  [56, 96, 3],
  [28, 192, 6],
  [14, 384, 12],
  [7, 768, 24],
]) {
  for (const row of await pair(size, channels, numHeads, repeats)) report(row);
}
for (const convolution of [false, true]) report(await step(convolution, repeats));
if (options.json) {
  const result = {machine, node: process.version, report: backendReport(), kernels: kernelsInUse(), rows};
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
}
