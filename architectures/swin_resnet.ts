/**
 * SwinResNet: a bottleneck ResNet whose 3x3 convolutions are SwinT stages, and its exact convolution twin.
 *
 *   block:  relu(shortcut(x) + BN(1x1, 4w)(stage(relu(BN(1x1, w)(x)))))
 *   stage:  SwinT(w, downsample at the first block of a stage)   or, in the twin, relu(BN(3x3, w, stride))
 *
 *   imagenet form (depth 50, 101, 152), 224x224:  7x7 stem, stride 2, 3x3 max pooling; maps of 56, 28, 14, 7; where
 *       the map is an input's 32nd (7x7) a 3x3 convolution stays; head: dense 256, LayerNorm, LeakyReLU, dense
 *   cifar form (depth 14, 20, 29), 32x32:  stem of three 3x3 convolutions, the second with stride 2; maps of 16, 8, 4;
 *       head: dense
 *   small form (depth 10), any size: no bottlenecks, see small_resnet.ts
 *
 *   [B, C, H, W] to logits [B, numClasses]. Inside, maps are [B, H, W, C]; the one transpose is at the input.
 *
 * Source: He et al. 2016, "Deep Residual Learning for Image Recognition"; the SwinT demonstration for PaddlePaddle
 * (the package miziha) for the imagenet form.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {batchNormalization, swinT} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {dropPathRates, seedCounter} from './block_plan.js';
import {imageInput, inFormat} from './image_input.js';
import {smallResNet} from './small_resnet.js';
import {
  checkStages,
  checkSwinResNet,
  localityOf,
  modelName,
  SMALL_DEPTH,
  type SwinResNetArgs,
} from './swin_resnet_arguments.js';

interface Form {
  stem: 'imagenet' | 'cifar';
  /** Bottleneck blocks of each stage. */
  blocks: readonly number[];
  /** Width w of each stage's blocks; their output has 4w channels. */
  widths: readonly number[];
  /** Channels of the stem's convolutions. */
  stemWidths: readonly number[];
  inputShape: readonly [number, number, number];
  windowSize: number;
  mlpRatio: number;
}

const IMAGENET = {
  stem: 'imagenet',
  widths: [64, 128, 256, 512],
  stemWidths: [64],
  inputShape: [3, 224, 224],
  windowSize: 7,
  mlpRatio: 4,
} as const;

/**
 * Chosen for what is learnt in half an hour on two cores: convolutions where the map is large and
 * attention would cost most, MLPs that are no wider than the map.
 */
const CIFAR = {
  stem: 'cifar',
  widths: [16, 32, 64],
  stemWidths: [32, 64, 64],
  inputShape: [3, 32, 32],
  windowSize: 4,
  mlpRatio: 1,
} as const;

/** Depth counts three layers a block, the stem as one, and the classifier. */
const FORMS: Readonly<Record<number, Form>> = {
  14: {...CIFAR, blocks: [1, 1, 2]},
  20: {...CIFAR, blocks: [2, 2, 2]},
  29: {...CIFAR, blocks: [3, 3, 3]},
  50: {...IMAGENET, blocks: [3, 4, 6, 3]},
  101: {...IMAGENET, blocks: [3, 4, 23, 3]},
  152: {...IMAGENET, blocks: [3, 8, 36, 3]},
};

/** Channels of one attention head where numHeads is not given. */
const HEAD_SIZE = 16;

const EXPANSION = 4;

/** What building needs to know everywhere: the arguments, the form, and seeds that differ from weight to weight. */
interface Plan {
  args: SwinResNetArgs;
  form: Form;
  /** Drop-path rate of each block, counted through all stages. */
  dropPath: number[];
  nextSeed: () => number | undefined;
}

/** BN(convolution) and, where asked for, relu. */
function convolve(
  plan: Plan,
  x: Symbolic,
  name: string,
  {
    filters,
    kernelSize,
    strides = 1,
    relu = true,
  }: {
    filters: number;
    kernelSize: number;
    strides?: number;
    relu?: boolean;
  },
): Symbolic {
  const seed = plan.nextSeed();
  const momentum = plan.args.batchNormMomentum ?? 0.9;
  const convolved = tfl.layers
    .conv2d({
      name,
      filters,
      kernelSize,
      strides,
      padding: 'same',
      useBias: false,
      kernelInitializer: plan.args.kernelInitializer ?? tfl.initializers.heNormal({seed}),
    })
    .apply(x) as Symbolic;
  const normalised = batchNormalization({name: `${name}.bn`, momentum, epsilon: 1e-5}).apply(convolved);
  if (!relu) return normalised as Symbolic;
  return tfl.layers.activation({name: `${name}.relu`, activation: 'relu'}).apply(normalised) as Symbolic;
}

/** The middle of a block: SwinT, or a 3x3 convolution. */
function middle(
  plan: Plan,
  x: Symbolic,
  name: string,
  place: {stage: number; width: number; downsample: boolean; dropPath: number; keepConvolution: boolean},
): Symbolic {
  const {args, form} = plan;
  const {stage, width, downsample, dropPath, keepConvolution} = place;
  if (args.convolution || keepConvolution) {
    return convolve(plan, x, `${name}.conv`, {filters: width, kernelSize: 3, strides: downsample ? 2 : 1});
  }
  const seed = plan.nextSeed();
  const layer = swinT({
    name: `${name}.swin`,
    outChannels: width,
    numHeads: args.numHeads?.[stage] ?? Math.max(1, Math.floor(width / HEAD_SIZE)),
    windowSize: args.windowSize ?? form.windowSize,
    mlpRatio: args.mlpRatio ?? form.mlpRatio,
    variant: args.variant ?? 'miziha',
    downsample,
    ...(args.projection && !downsample ? {projection: true} : {}),
    dropPath,
    dataFormat: 'channelsLast',
    seed,
    // Swin's narrow start suits long training; this one has the branches take part from the first step.
    kernelInitializer: tfl.initializers.glorotUniform({seed}),
    ...localityOf(args),
  });
  return layer.apply(x) as Symbolic;
}

function bottleneck(
  plan: Plan,
  x: Symbolic,
  name: string,
  place: {stage: number; width: number; first: boolean; dropPath: number; keepConvolution: boolean},
): Symbolic {
  const {width, first, stage} = place;
  const downsample = first && stage > 0;
  let y = convolve(plan, x, `${name}.reduce`, {filters: width, kernelSize: 1});
  y = middle(plan, y, name, {...place, downsample});
  y = convolve(plan, y, `${name}.expand`, {filters: EXPANSION * width, kernelSize: 1, relu: false});
  const shortcut = first
    ? convolve(plan, x, `${name}.shortcut`, {
        filters: EXPANSION * width,
        kernelSize: 1,
        strides: downsample ? 2 : 1,
        relu: false,
      })
    : x;
  const sum = tfl.layers.add({name: `${name}.add`}).apply([shortcut, y]) as Symbolic;
  return tfl.layers.activation({name: `${name}.relu`, activation: 'relu'}).apply(sum) as Symbolic;
}

function stem(plan: Plan, x: Symbolic): Symbolic {
  const {stem: kind, stemWidths} = plan.form;
  if (kind === 'cifar') {
    return stemWidths.reduce(
      (y, filters, i) =>
        convolve(plan, y, `stem.conv${i + 1}`, {filters, kernelSize: 3, strides: i === 1 ? 2 : 1}),
      x,
    );
  }
  const y = convolve(plan, x, 'stem', {filters: stemWidths[0], kernelSize: 7, strides: 2});
  const pool = tfl.layers.maxPooling2d({name: 'stem.pool', poolSize: 3, strides: 2, padding: 'same'});
  return pool.apply(y) as Symbolic;
}

/** Dense layer that starts as the demonstration's: uniform between -1 and 1 over the root of its inputs. */
function dense(
  plan: Plan,
  x: Symbolic,
  name: string,
  units: number,
  activation?: 'softmax' | 'sigmoid',
): Symbolic {
  const limit = 1 / Math.sqrt(x.shape[x.shape.length - 1] as number);
  return tfl.layers
    .dense({
      name,
      units,
      activation,
      kernelInitializer: tfl.initializers.randomUniform({
        minval: -limit,
        maxval: limit,
        seed: plan.nextSeed(),
      }),
    })
    .apply(x) as Symbolic;
}

function head(plan: Plan, x: Symbolic): Symbolic {
  const {args, form} = plan;
  const imagenet = form.stem === 'imagenet';
  const dropout = args.dropout ?? (imagenet ? 0.2 : 0);
  const drop = (input: Symbolic, name: string) =>
    dropout === 0
      ? input
      : (tfl.layers.dropout({name, rate: dropout, seed: plan.nextSeed()}).apply(input) as Symbolic);
  let y = tfl.layers.globalAveragePooling2d({name: 'pool', dataFormat: 'channelsLast'}).apply(x) as Symbolic;
  y = drop(y, 'head.dropout1');
  if (imagenet) {
    y = dense(plan, y, 'head.fc', 256);
    y = tfl.layers.layerNormalization({name: 'head.norm', epsilon: 1e-5}).apply(y) as Symbolic;
    y = drop(y, 'head.dropout2');
    y = tfl.layers.leakyReLU({name: 'head.relu', alpha: 0.01}).apply(y) as Symbolic;
  }
  return dense(plan, y, 'classifier', args.numClasses, args.classifierActivation);
}

/**
 * A SwinResNet or, with `convolution: true`, the same network with 3x3 convolutions in place of its SwinT layers.
 *
 * @param args See SwinResNetArgs; numClasses is required.
 * @returns A LayersModel from images [B, C, H, W] to logits [B, numClasses].
 * @throws ConfigError for arguments that can never work.
 */
export function swinResNet(args: SwinResNetArgs): tfl.LayersModel {
  const depth = checkSwinResNet(args, [SMALL_DEPTH, ...Object.keys(FORMS).map(Number)]);
  if (depth === SMALL_DEPTH) return smallResNet(args);
  const form = FORMS[depth];
  checkStages(args, {widths: form.blocks.length, numHeads: form.blocks.length});
  const total = form.blocks.reduce((a, b) => a + b, 0);
  const plan: Plan = {
    args,
    form,
    dropPath: dropPathRates(args.dropPath ?? 0, total),
    nextSeed: seedCounter(args.seed),
  };
  const shape = args.inputShape ?? inFormat(form.inputShape, args.dataFormat);
  const {image, map} = imageInput(shape, args.dataFormat);
  let x = stem(plan, map);
  let block = 0;
  form.blocks.forEach((count, stage) => {
    const width = args.widths?.[stage] ?? form.widths[stage];
    for (let i = 0; i < count; i++) {
      const last = stage === form.blocks.length - 1;
      x = bottleneck(plan, x, `stage${stage + 1}.block${i + 1}`, {
        stage,
        width,
        first: i === 0,
        dropPath: plan.dropPath[block++],
        // One window covers such a map: shifting it would do nothing.
        keepConvolution: form.stem === 'imagenet' && last && i > 0,
      });
    }
  });
  return tfl.model({inputs: image, outputs: head(plan, x), name: modelName(args, depth)});
}
