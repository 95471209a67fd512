/**
 * The small form of SwinResNet, depth 10: convolutions where the map is large, SwinT where it is small, and its twin
 * without attention.
 *
 *   whiten   convolution 2x2 to 8 C filters, frozen; GELU                                        H x W
 *   stage 1  3x3 to w1, max pool 2, BN, GELU; 3x3 to w1, BN, GELU                            H/2 x W/2
 *   stage 2  3x3 to w2, max pool 2, BN, GELU; 3x3 to w2, BN, GELU                            H/4 x W/4
 *   stage 3  max pool 2; 3x3 to w3, BN, GELU                                                 H/8 x W/8
 *   swin     SwinT, swinDepth blocks    or, in the twin, for each pair of blocks
 *            x + BN(3x3(GELU(BN(3x3 to h (x)))));     after the last: BN, GELU               H/8 x W/8
 *   head     global max pool, factor logitScale, dense without bias
 *
 * With two widths there is no stage 3, and the SwinT is at H/4 x W/4.
 *
 * The width h of the twin's pairs makes its multiply-adds those of the SwinT, at the size of inputShape or 32x32 where
 * that is open; everything else is equal, initial weights included. Height and width may differ from call to call. `whiten`
 * starts at random and never learns; training can set it from the images, so that its results are uncorrelated.
 *
 * [B, C, H, W] to logits [B, numClasses]. Inside, maps are [B, H, W, C]; the one transpose is at the input.
 *
 * Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (whitening, order of pool and norm, head); the
 * late stage as in Dai et al. 2021, "CoAtNet"; the convolutions inside the SwinT as in CeiT and CSWin, its layer scale CaiT's.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {defined} from '../kernels/common/defined.js';
import {
  batchNormalization,
  diracInitializer,
  gelu,
  globalMaxPooling,
  type SwinT,
  swinT,
} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {dropPathRates, seedCounter} from './block_plan.js';
import {imageInput, inFormat} from './image_input.js';
import {
  checkStages,
  localityOf,
  modelName,
  SMALL_DEPTH,
  type SwinResNetArgs,
} from './swin_resnet_arguments.js';

const WIDTHS = [48, 96, 256];

/** What a SwinT of so few images has to be told: that neighbours belong together, and to start small. */
const LOCALITY = {mlpConvolution: true, valueConvolution: true, layerScale: 0.1};

/** Images of training sets such as CIFAR-10: what the twin's width is counted for where the size is open. */
const IMAGE_SIZE = 32;

interface Plan {
  args: SwinResNetArgs;
  nextSeed: () => number | undefined;
}

/** A 3x3 convolution without bias. */
function convolution(plan: Plan, x: Symbolic, name: string, filters: number): Symbolic {
  const seed = plan.nextSeed();
  const layer = tfl.layers.conv2d({
    ...{name, filters, kernelSize: 3, padding: 'same', useBias: false},
    // tfjs-layers' own initializers are of a class that it does not export.
    kernelInitializer: plan.args.kernelInitializer ?? (diracInitializer(defined({seed})) as never),
  });
  return layer.apply(x) as Symbolic;
}

function normalise({args}: Plan, x: Symbolic, name: string): Symbolic {
  const momentum = args.batchNormMomentum ?? 0.6;
  return batchNormalization({name: `${name}.bn`, momentum, epsilon: 1e-5}).apply(x) as Symbolic;
}

const activate = (x: Symbolic, name: string) => gelu({name: `${name}.gelu`}).apply(x) as Symbolic;

const pool = (x: Symbolic, name: string) =>
  tfl.layers.maxPooling2d({name: `${name}.pool`, poolSize: 2}).apply(x) as Symbolic;

/** GELU(BN(convolution)), with a pool of 2x2 before the norm where asked for: a quarter of the cells to normalise. */
function convolve(plan: Plan, x: Symbolic, name: string, filters: number, pooled = false): Symbolic {
  let y = convolution(plan, x, name, filters);
  if (pooled) y = pool(y, name);
  return activate(normalise(plan, y, name), name);
}

function whiten(plan: Plan, image: Symbolic): Symbolic {
  const channels = image.shape[3] as number;
  const layer = tfl.layers.conv2d({
    // Every direction of a 2x2 patch, and its negative, which GELU would cut away.
    ...{name: 'whiten', filters: 8 * channels, kernelSize: 2, padding: 'same', useBias: false},
    kernelInitializer: tfl.initializers.heNormal({seed: plan.nextSeed()}),
    trainable: false,
  });
  return activate(layer.apply(image) as Symbolic, 'whiten');
}

/** The SwinT of a map of this width. */
function swinStage({args}: Plan, channels: number, seed: number | undefined): SwinT {
  const depth = args.swinDepth ?? 2;
  return swinT({
    name: 'stage3.swin',
    outChannels: channels,
    depth,
    numHeads: args.numHeads?.[0] ?? 4,
    windowSize: args.windowSize ?? 4,
    mlpRatio: args.mlpRatio ?? 2,
    variant: args.variant ?? 'v1',
    dropPath: dropPathRates(args.dropPath ?? 0, depth),
    dataFormat: 'channelsLast',
    seed,
    kernelInitializer: tfl.initializers.glorotUniform({seed}),
    ...localityOf({...LOCALITY, ...defined(args)}),
  });
}

/** Height and width of the map before the SwinT. */
function mapSize({inputShape, dataFormat, widths = WIDTHS}: SwinResNetArgs): [number, number] {
  const sizes = dataFormat === 'channelsLast' ? inputShape?.slice(0, 2) : inputShape?.slice(1);
  const pooled = (size: number | null | undefined) => (size ?? IMAGE_SIZE) >> widths.length;
  return [pooled(sizes?.[0]), pooled(sizes?.[1])];
}

/** The twin's pairs of convolutions, as wide as the multiply-adds of the SwinT allow. */
function residualPairs(plan: Plan, x: Symbolic, swin: SwinT): Symbolic {
  const [height, width] = mapSize(plan.args);
  const channels = x.shape[3] as number;
  const pairs = (plan.args.swinDepth ?? 2) / 2;
  const multiplyAdds = swin.multiplyAdds([1, height, width, channels]) / pairs;
  const hidden = Math.max(1, Math.round(multiplyAdds / (2 * 9 * channels * height * width)));
  let y = x;
  for (let pair = 1; pair <= pairs; pair++) {
    const name = `stage3.pair${pair}`;
    const inner = convolve(plan, y, `${name}.conv1`, hidden);
    const branch = normalise(plan, convolution(plan, inner, `${name}.conv2`, channels), `${name}.conv2`);
    y = tfl.layers.add({name: `${name}.add`}).apply([y, branch]) as Symbolic;
  }
  return y;
}

function head(plan: Plan, x: Symbolic, seed: number | undefined): Symbolic {
  const {args} = plan;
  let y = globalMaxPooling({name: 'pool'}).apply(x) as Symbolic;
  if (args.dropout) {
    y = tfl.layers.dropout({name: 'head.dropout', rate: args.dropout, seed}).apply(y) as Symbolic;
  }
  // A factor of what goes into a layer without bias is one of what comes out, and the classifier stays the last layer.
  y = tfl.layers
    .rescaling({name: 'logit_scale', scale: args.logitScale ?? 1 / 3, offset: 0})
    .apply(y) as Symbolic;
  const classifier = tfl.layers.dense({
    name: 'classifier',
    units: args.numClasses,
    useBias: false,
    activation: args.classifierActivation,
    kernelInitializer: tfl.initializers.glorotUniform({seed}),
  });
  return classifier.apply(y) as Symbolic;
}

/** @param args as `checkSwinResNet` has found them. */
export function smallResNet(args: SwinResNetArgs): tfl.LayersModel {
  checkStages(args, {widths: [2, 3], numHeads: 1});
  const plan: Plan = {args, nextSeed: seedCounter(args.seed)};
  const shape = args.inputShape ?? inFormat([3, IMAGE_SIZE, IMAGE_SIZE], args.dataFormat);
  const {image, map} = imageInput(shape, args.dataFormat);
  const headSeed = plan.nextSeed();
  const [first, second, third] = args.widths ?? WIDTHS;
  let x = whiten(plan, map);
  x = convolve(plan, x, 'stage1.conv1', first, true);
  x = convolve(plan, x, 'stage1.conv2', first);
  x = convolve(plan, x, 'stage2.conv1', second, true);
  x = convolve(plan, x, 'stage2.conv2', second);
  if (third !== undefined) x = convolve(plan, pool(x, 'stage3'), 'stage3.conv', third);
  const swin = swinStage(plan, x.shape[3] as number, plan.nextSeed());
  x = args.convolution ? residualPairs(plan, x, swin) : (swin.apply(x) as Symbolic);
  x = activate(normalise(plan, x, 'stage3.out'), 'stage3.out');
  return tfl.model({inputs: image, outputs: head(plan, x, headSeed), name: modelName(args, SMALL_DEPTH)});
}
