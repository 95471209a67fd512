/**
 * What takes the place of a Conv2D: a SwinT of the same shapes, and around it what a Conv2D has in itself.
 *
 *   y = act(crop(SwinT(x)))                          crop where the convolution has no padding ('valid')
 *   y = act(conv(x) + crop(zero(SwinT(x))))          keepPath 'full': conv with its whole kernel
 *   y = act(crop(conv1(x) + zero(SwinT(x))))         keepPath '1x1': conv1 looks at one cell (kept_path.ts)
 *
 *   zero is a 1x1 convolution that starts at zero, so that y starts as what the path that was kept gives. At the first step
 *   only zero learns, from the second one on SwinT does too.
 *
 * A stride of 2 is a SwinT that merges patches of 2x2. The SwinT has the convolution's name, the others have it with `.kept`,
 * `.pool`, `.zero`, `.add`, `.crop` or `.activation` behind it.
 *
 * Source of zero: Zhang et al. 2023, "Adding Conditional Control to Text-to-Image Diffusion Models" (ControlNet).
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {cropValid, type SwinT, type SwinTArgs, swinT} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import type {FoundConv2D} from './find_convolutions.js';
import {type KeepPath, keptPath} from './kept_path.js';
import type {CallArguments, Layer} from './model_graph.js';
import type {StandIn} from './rebuild_model.js';
import {narrow} from './swin_parts.js';

export interface Conv2DStandIn extends StandIn {
  swin: SwinT;
}

/** What SwinT is given beside the convolution's own arguments. */
export type SwinTChoice = Pick<
  SwinTArgs,
  'numHeads' | 'windowSize' | 'depth' | 'mlpRatio' | 'variant' | 'dropPath' | 'padding' | 'seed'
>;

/**
 * The layers that take a Conv2D's place; their weights are made at the first call.
 *
 * @param found The convolution.
 * @param choice Arguments of SwinT.
 * @param keep Which path of the convolution stays, if one does.
 * @param free Turns a name into one that no layer of the model has.
 * @throws ConfigError for arguments that SwinT refuses.
 */
export function conv2dStandIn(
  {layer: old, info}: FoundConv2D,
  choice: SwinTChoice,
  keep: KeepPath | undefined,
  free: (name: string) => string,
): Conv2DStandIn {
  const {filters, strides, kernelSize, dataFormat, inChannels, trainable} = info;
  const {kernelRegularizer, biasRegularizer, kernelConstraint, biasConstraint} = old;
  const named = (part: string) => free(`${old.name}.${part}`);
  const swin = swinT({
    ...{name: old.name, filters, strides, inChannels, dataFormat, trainable},
    ...{kernelRegularizer, biasRegularizer, kernelConstraint, biasConstraint},
    kernelInitializer: narrow(choice.seed),
    ...choice,
  });
  const kept = keep && keptPath(old, keep, named);
  const zero =
    kept &&
    tfl.layers.conv2d({
      ...{name: named('zero'), filters, kernelSize: 1, dataFormat, trainable},
      // The path that was kept has a bias, or none is wanted.
      ...{kernelInitializer: 'zeros', useBias: false},
    });
  const sum = kept && tfl.layers.add({name: named('add')});
  const crop =
    info.padding === 'valid' && kernelSize.some((size) => size > 1)
      ? cropValid({name: named('crop'), kernelSize, strides, dataFormat})
      : undefined;
  const activation =
    info.activation === 'linear'
      ? undefined
      : tfl.layers.activation({name: named('activation'), activation: old.activation as never});

  const call = (x: Symbolic, callArguments: CallArguments): Symbolic => {
    const cropped = (map: Symbolic) => (crop ? (crop.apply([map, x]) as Symbolic) : map);
    let y = swin.apply(x, callArguments) as Symbolic;
    if (zero) y = zero.apply(y) as Symbolic;
    // The whole convolution has the final size; its 1x1 form has that of the SwinT.
    if (keep !== '1x1') y = cropped(y);
    if (kept && sum) y = sum.apply([kept.call(x), y]) as Symbolic;
    if (keep === '1x1') y = cropped(y);
    return activation ? (activation.apply(y) as Symbolic) : y;
  };
  const around = [zero, ...(kept?.layers ?? []), sum, crop, activation];
  const layers = [swin, ...around.filter((layer): layer is Layer => layer !== undefined)];
  return {swin, layers, call, setWeights: () => kept?.setWeights()};
}
