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
import {allGradients, makePair, pairOperations, STAGES} from './pairs.js';

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

/** The alternatives measured in turn; with `half` ours also with 16-bit floats inside of blocks. */
async function compare(
  what: string,
  {repeats, inner}: GpuOptions,
  ours: Compute,
  stock?: Compute,
  operations?: number,
  half = false,
  peakSpeed?: number,
): Promise<GpuRow> {
  const choices: {name: 'ours' | 'half' | 'stock'; options: SetupBackendOptions; compute: Compute}[] = [
    {name: 'ours', options: {}, compute: ours},
    ...(half ? [{name: 'half', options: {precision: 'f16'}, compute: ours} as const] : []),
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
  const row = {what, operations, ...measured} as GpuRow;
  printGpuRow(row, peakSpeed);
  return row;
}

/** Floating-point operations a second on registers alone. */
async function peak(options: GpuOptions): Promise<GpuRow> {
  const [turns, units] = [4096, 2048];
  const run = () =>
    tf.engine().runKernel('SwintPeak', {}, {turns, units} as unknown as tf.NamedAttrMap) as tf.Tensor;
  // An invocation does 64 operations in a turn (kernels/webgpu/runtime/peak.ts).
  return compare(
    'peak: multiplications and additions on registers',
    options,
    run,
    undefined,
    256 * 64 * turns * units,
  );
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

export async function benchGpu(options: GpuOptions): Promise<void> {
  const rows: GpuRow[] = [];
  const add = async (row: Promise<GpuRow>) => {
    rows.push(await row);
    options.save(rows);
  };
  const {batches, only} = options;
  if (only.includes('kernels')) {
    await add(peak(options));
    const [{ours, operations}] = rows;
    const speed = gigaflops(ours, operations as number);
    for (const [m, k, n] of [
      [3136 * batches[batches.length - 1], 96, 288],
      [3136 * batches[batches.length - 1], 384, 96],
      [1024, 1024, 1024],
      [4096, 4096, 4096],
    ]) {
      const x = tf.randomNormal([m, k]);
      const weight = tf.randomNormal([k, n]) as tf.Tensor2D;
      await add(
        compare(
          `product ${m}x${k}x${n}`,
          options,
          () => linear({x, weight}),
          () => tf.matMul(x, weight),
          2 * m * k * n,
          false,
          speed,
        ),
      );
      tf.dispose([x, weight]);
    }
    for (const batch of batches) {
      const qkv = tf.randomNormal([batch, 56, 56, 288]) as tf.Tensor4D;
      const table = tf.randomNormal([169, 3]) as tf.Tensor2D;
      const attrs = {
        numHeads: 3,
        window: [7, 7],
        shift: [3, 3],
        padding: 'masked',
        score: 'dot',
        scale: 0.18,
      } as const;
      const attention = () => windowAttention({qkv, table}, attrs);
      const operations = 4 * batch * 56 * 56 * 49 * 96;
      await add(
        compare(`windowAttention 56x56x96, batch ${batch}`, options, attention, attention, operations),
      );
      tf.dispose([qkv, table]);
    }
  }
  if (only.includes('pairs')) {
    for (const batch of batches) {
      for (const stage of STAGES) {
        const pair = makePair(stage, batch);
        const {x, swin, port} = pair;
        const name = `pair ${stage.size}x${stage.size}x${stage.channels}, batch ${batch}`;
        const operations = pairOperations(stage, batch);
        await add(
          compare(
            `${name}: forward`,
            options,
            () => swin(x),
            () => port(x),
            operations,
            true,
          ),
        );
        const [ours, stock] = [allGradients(swin, pair), allGradients(port, pair)];
        await add(compare(`${name}: forward and backward`, options, ours, stock, 3 * operations, true));
        tf.disposeVariables();
        x.dispose();
      }
    }
  }
  for (const convolution of [false, true]) {
    if (!only.includes('steps') && !only.includes('profile')) break;
    const {name, step, dispose} = trainingStep(convolution);
    if (only.includes('steps')) await add(compare(name, options, step, step));
    if (only.includes('profile')) await profileBoth(name, step);
    dispose();
  }
}
