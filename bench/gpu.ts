/**
 * Benchmarks on webgpu: pairs of Swin blocks at the stages of Swin-T, attention and products alone, training steps, ours
 * against stock tfjs, in one run and in turn; and the peak of the device. `profile` tells what a step is made of.
 */
import * as tf from '@tensorflow/tfjs';
import {AdamW, type SetupBackendOptions, setupBackend, swinResNet} from 'tfjs-swint';
import {linear, windowAttention} from 'tfjs-swint/kernels';
import {type GpuRow, gigaflops, gpuCounts, gpuRun, printGpuRow} from './gpu_measure.js';
import {printProfile, profile} from './gpu_profile.js';
import {type Alternative, interleaved} from './measure.js';
import {allGradients, makePair, pairFlops, STAGES} from './pairs.js';

type Compute = () => tf.Tensor | tf.Tensor[];

/** How it is run. */
export interface GpuOptions {
  batches: number[];
  repeats: number;
  /** Runs in a row that are timed together. */
  inner: number;
  only: string[];
  /** Called with all rows so far after each one: a run that is cut off leaves what it has measured. */
  save: (rows: GpuRow[]) => void;
}

/** What is measured: our computation, what it is compared with, and its floating-point operations. */
interface Comparison {
  what: string;
  ours: Compute;
  stock?: Compute;
  flops?: number;
  /** Whether ours is also measured with 16-bit floats inside of blocks. */
  f16?: boolean;
  /** GFLOP/s of the device at most. */
  peakSpeed?: number;
}

/** Measures the alternatives in turn. */
async function compare(
  {repeats, inner}: GpuOptions,
  {what, ours, stock, flops, f16, peakSpeed}: Comparison,
): Promise<GpuRow> {
  const choices: {name: 'ours' | 'f16' | 'stock'; options: SetupBackendOptions; compute: Compute}[] = [
    {name: 'ours', options: {}, compute: ours},
    ...(f16 ? [{name: 'f16', options: {precision: 'f16'}, compute: ours} as const] : []),
    ...(stock ? [{name: 'stock', options: {kernels: 'tfjs'}, compute: stock} as const] : []),
  ];
  const alternatives: Record<string, Alternative> = {};
  for (const {name, options, compute} of choices) {
    alternatives[name] = {
      prepare: () => setupBackend('webgpu', options),
      run: gpuRun(compute, inner),
    };
  }
  const times = await interleaved(alternatives, repeats);
  const measured: Partial<GpuRow> = {};
  for (const {name, options, compute} of choices) {
    await setupBackend('webgpu', options);
    measured[name] = {wall: times[name], ...(await gpuCounts(compute))};
  }
  await setupBackend('webgpu');
  const row = {what, flops, ...measured} as GpuRow;
  printGpuRow(row, peakSpeed);
  return row;
}

/** Floating-point operations on registers alone. */
function peak(): Comparison {
  const [turns, units] = [4096, 2048];
  const ours = () =>
    tf.engine().runKernel('SwintPeak', {}, {turns, units} as unknown as tf.NamedAttrMap) as tf.Tensor;
  // An invocation does 64 of them in a turn (kernels/webgpu/runtime/peak.ts).
  return {what: 'peak: multiplications and additions on registers', ours, flops: 256 * 64 * turns * units};
}

/** A step of AdamW on the CIFAR SwinResNet or its convolution twin, batch 32. */
function trainingStep(convolution: boolean) {
  const batch = 32;
  const model = swinResNet({numClasses: 10, convolution, seed: 1});
  const images = tf.randomNormal([batch, 3, 32, 32]);
  const labels = tf.oneHot(tf.range(0, batch, 1, 'int32').mod(tf.scalar(10, 'int32')).cast('int32'), 10);
  const optimizer = new AdamW({learningRate: 1e-4});
  const loss = () =>
    tf.losses.softmaxCrossEntropy(labels, model.apply(images, {training: true}) as tf.Tensor) as tf.Scalar;
  return {
    name: `training step, ${model.name}, batch ${batch}`,
    step: () => optimizer.minimize(loss, true) as tf.Scalar,
    dispose: () => {
      tf.dispose([images, labels]);
      model.dispose();
    },
  };
}

/** What a computation is made of, on our kernels and on those of tfjs. */
async function profileBoth(name: string, compute: Compute): Promise<void> {
  for (const kernels of ['swint', 'tfjs'] as const) {
    await setupBackend('webgpu', {kernels});
    tf.dispose(tf.tidy(compute as () => tf.Tensor));
    printProfile(`${name}, kernels: ${kernels}`, await profile(compute));
  }
  await setupBackend('webgpu');
}

/** Measures a comparison and keeps its row. */
type Add = (comparison: Comparison) => Promise<GpuRow>;

/** The peak, products and window attention. */
async function benchKernels(batches: number[], add: Add): Promise<void> {
  const {ours, flops} = await add(peak());
  const peakSpeed = gigaflops(ours, flops as number);
  for (const [m, k, n] of [
    [3136 * batches[batches.length - 1], 96, 288],
    [3136 * batches[batches.length - 1], 384, 96],
    [1024, 1024, 1024],
    [4096, 4096, 4096],
  ]) {
    const x = tf.randomNormal([m, k]);
    const weight = tf.randomNormal([k, n]) as tf.Tensor2D;
    const [product, stock] = [() => linear({x, weight}), () => tf.matMul(x, weight)];
    await add({what: `product ${m}x${k}x${n}`, ours: product, stock, flops: 2 * m * k * n, peakSpeed});
    tf.dispose([x, weight]);
  }
  for (const batch of batches) {
    const qkv = tf.randomNormal([batch, 56, 56, 288]) as tf.Tensor4D;
    const table = tf.randomNormal([169, 3]) as tf.Tensor2D;
    const attrs = {
      numHeads: 3,
      windowSize: [7, 7],
      shift: [3, 3],
      padding: 'masked',
      score: 'dot',
      scale: 0.18,
    } as const;
    const attention = () => windowAttention({qkv, table}, attrs);
    const what = `windowAttention 56x56x96, batch ${batch}`;
    await add({what, ours: attention, stock: attention, flops: 4 * batch * 56 * 56 * 49 * 96});
    tf.dispose([qkv, table]);
  }
}

/** A pair of blocks of each stage, forward alone and with all gradients. */
async function benchPairs(batches: number[], add: Add): Promise<void> {
  for (const batch of batches) {
    for (const stage of STAGES) {
      const pair = makePair(stage, batch);
      const {x, swin, port} = pair;
      const name = `pair ${stage.size}x${stage.size}x${stage.channels}, batch ${batch}`;
      const flops = pairFlops(stage, batch);
      const value = {ours: () => swin(x), stock: () => port(x)};
      await add({what: `${name}: forward`, ...value, flops, f16: true});
      const gradients = {ours: allGradients(swin, pair), stock: allGradients(port, pair)};
      await add({what: `${name}: forward and backward`, ...gradients, flops: 3 * flops, f16: true});
      tf.disposeVariables();
      x.dispose();
    }
  }
}

export async function benchGpu(options: GpuOptions): Promise<void> {
  const {batches, only} = options;
  const rows: GpuRow[] = [];
  const add: Add = async (comparison) => {
    const row = await compare(options, comparison);
    rows.push(row);
    options.save(rows);
    return row;
  };
  if (only.includes('kernels')) await benchKernels(batches, add);
  if (only.includes('pairs')) await benchPairs(batches, add);
  if (!only.includes('steps') && !only.includes('profile')) return;
  for (const convolution of [false, true]) {
    const {name, step, dispose} = trainingStep(convolution);
    if (only.includes('steps')) await add({what: name, ours: step, stock: step});
    if (only.includes('profile')) await profileBoth(name, step);
    dispose();
  }
}
