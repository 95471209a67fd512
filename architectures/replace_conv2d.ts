/**
 * A model's convolutions replaced by Swin Transformer stages: a new LayersModel in which the chosen Conv2D layers are SwinT
 * layers of the same shapes, and everything else is as it was, weights included.
 *
 *   Conv2D of kernel k, stride 1, [B, H, W, C] to [B, H, W, F]              SwinT from C to F channels
 *   stride 2, to [B, ceil(H / 2), ceil(W / 2), F]                           SwinT that merges patches at its end
 *   padding 'valid', to [B, floor((H - kh) / s) + 1, ..., F]                the same, then a crop
 *   an activation of its own                                                an activation layer behind it
 *
 * Any LayersModel will do: Sequential or functional, with branches, several inputs and outputs, layers called several times,
 * models inside, built or loaded.
 *
 * Source: the exchange of 3x3 convolutions for Swin stages in a ResNet is that of ../architectures/swin_resnet.ts.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf, type Size, sizePair} from '../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {ConfigError, type SwinTArgs, swinT} from '../layers/index.js';
import {checkModel} from './check_model.js';
import {conv2dStandIn, type SwinTChoice} from './conv2d_stand_in.js';
import {
  type Conv2DInfo,
  type FoundConv2D,
  type FoundConvolutions,
  findConvolutions,
} from './find_convolutions.js';
import type {KeepPath} from './kept_path.js';
import {rebuildModel} from './rebuild_model.js';
import {type ReplaceReport, replaceReport} from './replace_report.js';

const WHO = 'replaceConv2D';

/** Input channels from which on a convolution is taken to look at features, not at an image. */
const FEATURE_CHANNELS = 8;

/** Width of a head that the default number of heads comes nearest to, as in every published Swin Transformer. */
const HEAD_WIDTH = 32;

export interface ReplaceConv2DOptions
  extends Pick<SwinTArgs, 'windowSize' | 'depth' | 'mlpRatio' | 'variant' | 'dropPath' | 'padding' | 'seed'> {
  /**
   * Which Conv2D layers: their names as in the report, or a function that says so, or the size of their kernels. Default:
   * kernels larger than 1x1. Unless a name or a function says so, layers with fewer than 8 input channels stay: their input
   * is an image.
   */
  where?: string[] | ((layer: Conv2DInfo) => boolean) | {kernelSize: Size};
  /** Attention heads, the same for all or by layer. Default: as many as make a head nearest to 32 channels wide. */
  numHeads?: number | ((layer: Conv2DInfo) => number);
  /**
   * Keeps the old convolution beside the SwinT, which joins with weights of zero: 'full' with its whole kernel, so that the
   * model starts as the old one, or '1x1' with one cell in the place of the kernel. Default: none is kept.
   */
  keepPath?: KeepPath;
}

const ARGUMENTS = {
  ...{where: true, numHeads: true, keepPath: true, windowSize: true, depth: true, mlpRatio: true},
  ...{variant: true, dropPath: true, padding: true, seed: true},
} as const satisfies ArgumentNames<ReplaceConv2DOptions>;

const HINTS = {
  layers: 'give where: [names]',
  names: 'give where: [names]',
  kernelSize: 'give where: {kernelSize}',
};

/**
 * Replaces Conv2D layers of a model by SwinT layers of the same shapes.
 *
 * @param model Any LayersModel; it stays as it is, and may be disposed.
 * @param options
 *   where: which layers; see ReplaceConv2DOptions. A name that is no Conv2D of the model, or one that no SwinT can take the
 *     place of, is an error; what a function or a size chooses and no SwinT can replace stays, and the report says why.
 *   numHeads: default as many as make a head nearest to 32 channels wide.  keepPath: 'full', '1x1' or none (default).
 *   windowSize 7, depth 2, mlpRatio 4, variant 'v1', dropPath 0, padding 'masked', seed: as for swinT.
 * @returns model: a new functional model, not compiled, with the old one's name, inputs, order of outputs, layer names,
 *   weights and `trainable`. A SwinT has the name and `trainable` of its Conv2D, and its regularizers and constraints, which
 *   are now those of all its kernels and biases. Its weights are new: train it. Where the Conv2D has an activation, what used
 *   to come out of `conv` comes out of `conv.activation`, which is then the name of a model's output, too.
 *   report: what was replaced, what was kept and why, and both as a table in `text`.
 * @throws ConfigError for arguments that can never work, before anything is built.
 */
export function replaceConv2D(
  model: tfl.LayersModel,
  options: ReplaceConv2DOptions = {},
): {model: tfl.LayersModel; report: ReplaceReport} {
  checkModel(WHO, model);
  checkArguments(WHO, options, ARGUMENTS, HINTS);
  const {where, numHeads, keepPath} = options;
  const {windowSize, depth, mlpRatio, variant, dropPath, padding, seed} = options;
  const choice = {windowSize, depth, mlpRatio, variant, dropPath, padding, seed};
  if (keepPath !== undefined) oneOf(WHO, 'keepPath', keepPath, ['full', '1x1']);
  // What SwinT refuses is refused where no layer is chosen, too.
  swinT({...choice, name: WHO, numHeads: 1});
  const found = findConvolutions(model);
  const reasons = chosen(found, where);

  const taken = new Set(found.names);
  const free = (name: string): string => {
    let one = name;
    while (taken.has(one)) one += '_';
    taken.add(one);
    return one;
  };
  const places = found.conv2d
    .filter(({info}) => reasons.get(info.name) === undefined)
    .map((one, i) => {
      const heads = typeof numHeads === 'function' ? numHeads(one.info) : numHeads;
      const args: SwinTChoice = {...choice, numHeads: heads ?? defaultHeads(one.info.inChannels)};
      // Steps of a thousand: a stage counts up from its seed, one per weight.
      if (seed !== undefined) args.seed = seed + 1000 * i;
      return {...one, standIn: conv2dStandIn(one, args, keepPath, free)};
    });
  const rebuilt = rebuildModel(WHO, model, new Map(places.map(({layer, standIn}) => [layer, standIn])));

  const replaced = places.map(({layer, info, standIn}) => {
    const swin = standIn.swin.getConfig();
    const {name, inputShape, outputShape, kernelSize, strides} = info;
    return {
      ...{name, inputShape, outputShape, kernelSize, strides},
      numHeads: swin.numHeads as number,
      windowSize: swin.windowSize as [number, number],
      layers: standIn.layers.map((one) => one.name),
      parametersBefore: layer.countParams(),
      parametersAfter: standIn.layers.reduce((total, one) => total + one.countParams(), 0),
    };
  });
  const stayed = found.conv2d.flatMap(({info: {name}}) => {
    const reason = reasons.get(name);
    return reason === undefined ? [] : [{name, className: 'Conv2D', reason}];
  });
  return {model: rebuilt, report: replaceReport(replaced, [...stayed, ...found.others], replaceable(found))};
}

/** As many heads as divide the channels and make heads nearest to 32 channels wide, by their ratio. */
function defaultHeads(channels: number): number {
  const distance = (heads: number) => Math.abs(Math.log(channels / heads / HEAD_WIDTH));
  let best = 1;
  for (let heads = 2; heads <= channels; heads++) {
    if (channels % heads === 0 && distance(heads) < distance(best)) best = heads;
  }
  return best;
}

/** Names of the Conv2D layers that a SwinT can take the place of: those that look at features before those at an image. */
function replaceable({conv2d}: FoundConvolutions): string[] {
  const possible = conv2d.filter(({obstacle}) => obstacle === undefined).map(({info}) => info);
  const ofImage = ({inChannels}: Conv2DInfo) => (inChannels < FEATURE_CHANNELS ? 1 : 0);
  return possible.sort((a, b) => ofImage(a) - ofImage(b)).map(({name}) => name);
}

/** Why each Conv2D stays, by name; undefined for those to replace. */
function chosen(
  {conv2d, classes}: FoundConvolutions,
  where: ReplaceConv2DOptions['where'],
): Map<string, string | undefined> {
  const rule = ruleOf(where);
  if (Array.isArray(where)) {
    for (const name of where) checkName(name, conv2d, classes);
  }
  return new Map(conv2d.map(({info, obstacle}) => [info.name, rule(info) ?? obstacle]));
}

/** Why `where` leaves a layer out, or undefined where it does not. */
function ruleOf(where: ReplaceConv2DOptions['where']): (info: Conv2DInfo) => string | undefined {
  const notChosen = 'where does not choose it';
  if (Array.isArray(where)) return ({name}) => (where.includes(name) ? undefined : notChosen);
  if (typeof where === 'function') return (info) => (where(info) ? undefined : notChosen);
  const ofImage = ({inChannels}: Conv2DInfo) =>
    inChannels < FEATURE_CHANNELS
      ? `input channels: ${inChannels}, below ${FEATURE_CHANNELS} it is taken to look at an image`
      : undefined;
  if (where === undefined) {
    return (info) =>
      info.kernelSize.every((size) => size === 1)
        ? 'its kernel is 1x1: it mixes channels and looks at nothing around a cell'
        : ofImage(info);
  }
  if (typeof where !== 'object' || where === null || !('kernelSize' in where)) {
    throw new ConfigError(
      `${WHO}: where must be names, a function or {kernelSize}; got ${showValue(where)}.`,
    );
  }
  const size = sizePair(WHO, 'where.kernelSize', where.kernelSize).join('x');
  return (info) => {
    const own = info.kernelSize.join('x');
    return own === size ? ofImage(info) : `its kernel is ${own}, not ${size}`;
  };
}

function checkName(name: string, conv2d: FoundConv2D[], classes: ReadonlyMap<string, string>): void {
  const layer = conv2d.find(({info}) => info.name === name);
  if (layer?.obstacle) {
    throw new ConfigError(
      `${WHO}: where must name layers that a SwinT can replace; got ${name}, ${layer.obstacle}.`,
    );
  }
  if (layer) return;
  const className = classes.get(name);
  const what = className ? `, a ${className}` : '';
  const names = conv2d.map(({info}) => info.name).join(', ') || 'none';
  throw new ConfigError(
    `${WHO}: where must name Conv2D layers of the model; got ${name}${what} (its Conv2D layers: ${names}).`,
  );
}
