/**
 * The names of the package miziha for PaddlePaddle: of its layer SwinT, and of the SwinResNet-50 of its demonstration.
 *
 *   layer SwinT            miziha                  here
 *   block j                blocks.j                the same; the parts within are called as microsoft's
 *   1x1 convolution        cnn [out, in, 1, 1]     projection [in, out]
 *   merging                downsample              the same
 *
 *   SwinResNet             miziha                  here
 *   convolution and norm   X._conv, X._batch_norm  X, X.bn
 *   stem                   conv                    stem
 *   block j of stage i     bb_i_j                  stage{i+1}.block{j+1}
 *   its parts              conv0, conv2, short     reduce, expand, shortcut
 *   its middle             swin                    swin, or conv where the map is 7x7
 *   head                   out.1, out.2, out.5     head.fc, head.norm, classifier
 *
 * Paddle's dense kernels are [in, out] as ours are, its convolutions [out, in, h, w] as PyTorch's. Ports of the layer to
 * PyTorch have the same names and dense kernels [out, in]: the shape of `qkv` tells which.
 *
 * A layer has `cnn` with downsampling too, where it takes no part. A SwinResNet has one after every other SwinT, though the
 * channels stay: `projection: true` gives our networks the same. The stem's convolution and pooling pad as TensorFlow
 * does, below and to the right first, Paddle's alike on both sides; a loaded SwinResNet sees its images shifted by that.
 *
 * Source: the SwinT demonstration for PaddlePaddle (the package miziha); paddle's names of BatchNorm2D's statistics.
 */
import type {Form} from '../axes.js';
import type {Naming, WeightSource} from './naming.js';

/** Whose order of axes dense kernels have. */
export type DenseOrder = 'paddle' | 'torch';

/** A weight of the layer SwinT, whatever the layer is called. */
const OF_LAYER = /^(?:.*\.)?(blocks\.\d+\..+|downsample\..+|projection\.(?:weight|bias))$/;
const OF_BLOCK = /^stage(\d+)\.block(\d+)\.(\w+)\.(.+)$/;
const DENSE = /(qkv|proj|fc1|fc2|reduction)\.weight$/;

const PARTS: Readonly<Record<string, string>> = {
  ...{reduce: 'conv0', expand: 'conv2', shortcut: 'short', conv: 'swin'},
};

const CONVOLUTION: Readonly<Record<string, string>> = {
  kernel: '_conv.weight',
  'bn.gamma': '_batch_norm.weight',
  'bn.beta': '_batch_norm.bias',
  'bn.moving_mean': '_batch_norm._mean',
  'bn.moving_variance': '_batch_norm._variance',
};

const HEAD: Readonly<Record<string, string>> = {
  ...{'head.fc.kernel': 'out.1.weight', 'head.fc.bias': 'out.1.bias'},
  ...{'head.norm.gamma': 'out.2.weight', 'head.norm.beta': 'out.2.bias'},
  ...{'classifier.kernel': 'out.5.weight', 'classifier.bias': 'out.5.bias'},
};

/** Whether a tensor takes no part in its network: the 1x1 convolution of a layer that merges. */
export function isUnused(name: string, names: ReadonlySet<string>): boolean {
  const unused = /^(.*?)cnn\.(weight|bias)$/.exec(name);
  return unused !== null && names.has(`${unused[1]}downsample.reduction.weight`);
}

export function miziha(order: DenseOrder): Naming {
  const dense: Form = order === 'torch' ? 'matrix' : 'same';

  const layer = (name: string, prefix: string): WeightSource | undefined => {
    const rest = OF_LAYER.exec(name)?.[1];
    if (rest === undefined) return undefined;
    if (rest === 'projection.weight') return {names: [`${prefix}cnn.weight`], form: 'pointwise'};
    if (rest === 'projection.bias') return {names: [`${prefix}cnn.bias`], form: 'same'};
    return {names: [prefix + rest], form: DENSE.test(rest) ? dense : 'same'};
  };

  const convolution = (rest: string, prefix: string): WeightSource | undefined =>
    Object.hasOwn(CONVOLUTION, rest)
      ? {names: [prefix + CONVOLUTION[rest]], form: rest === 'kernel' ? 'convolution' : 'same'}
      : undefined;

  return ({canonical}) => {
    if (Object.hasOwn(HEAD, canonical))
      return {names: [HEAD[canonical]], form: canonical.endsWith('.kernel') ? dense : 'same'};
    if (canonical.startsWith('stem.')) return convolution(canonical.slice(5), 'conv.');
    const block = OF_BLOCK.exec(canonical);
    if (!block) return layer(canonical, '');
    const [, stage, index, part, rest] = block;
    const prefix = `bb_${Number(stage) - 1}_${Number(index) - 1}.`;
    if (part === 'swin') return layer(rest, `${prefix}swin.`);
    return Object.hasOwn(PARTS, part) ? convolution(rest, `${prefix}${PARTS[part]}.`) : undefined;
  };
}
