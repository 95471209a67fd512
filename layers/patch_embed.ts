/**
 * PatchEmbed: cuts an image into patches and maps each to a vector; a convolution whose stride is its kernel size.
 *
 *   y = LN(patch(x) W + b)
 *
 *   [B, H, W, C] to [B, ceil(H/p), ceil(W/p), embedDim];  W [p, p, C, embedDim], b [embedDim]
 *
 * Sizes that p does not divide are padded with zeros at the bottom and right.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.1; microsoft/Swin-Transformer, PatchEmbed.
 */
import * as tf from '@tensorflow/tfjs-core';
import {flag, positiveInteger, type Size, sameOr, sizePair} from '../kernels/common/arguments.js';
import {ConfigError} from '../kernels/common/errors.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {layerNorm, linear} from '../kernels/index.js';
import {
  type KnownMapShape,
  MAP_ARGUMENTS,
  MapLayer,
  type MapLayerArgs,
  type MapShape,
  mapSize,
} from './map_layer.js';
import {normParameters, type ParameterSpec, type ParameterValues} from './parameters.js';

export interface PatchEmbedArgs extends MapLayerArgs {
  /** Channels of the result; required. */
  embedDim?: number;
  /** Conv2D's name for embedDim. */
  filters?: number;
  /** Cells of a patch, one number or [rows, columns]. Default 4. */
  patchSize?: Size;
  /** Whether a layer norm follows. Default true. */
  patchNorm?: boolean;
}

const ARGUMENTS = {
  ...MAP_ARGUMENTS,
  ...{embedDim: true, filters: true, patchSize: true, patchNorm: true},
} as const satisfies ArgumentNames<PatchEmbedArgs>;

const HINTS = {
  outChannels: 'give embedDim',
  kernelSize: 'give patchSize',
  strides: 'patches do not overlap: give patchSize',
  activation: 'put tf.layers.activation behind the layer',
};

export class PatchEmbed extends MapLayer {
  static readonly className = 'SwinPatchEmbed';
  private readonly embedDim: number;
  private readonly patchSize: [number, number];
  private readonly patchNorm: boolean;

  constructor(args: PatchEmbedArgs) {
    super(args, ARGUMENTS, HINTS);
    const channels = sameOr(this.who, ['embedDim', args.embedDim], ['filters', args.filters]);
    if (channels === undefined) throw new ConfigError(`${this.who}: embedDim is required; got none.`);
    this.embedDim = positiveInteger(this.who, 'embedDim', channels);
    this.patchSize = sizePair(this.who, 'patchSize', args.patchSize ?? 4);
    this.patchNorm = flag(this.who, 'patchNorm', args.patchNorm, true);
  }

  protected override parametersFor([, , , channels]: MapShape): ParameterSpec[] {
    return [
      {name: 'proj.weight', shape: [...this.patchSize, channels, this.embedDim], role: 'kernel'},
      {name: 'proj.bias', shape: [this.embedDim], role: 'bias'},
      ...(this.patchNorm ? normParameters('norm', this.embedDim) : []),
    ];
  }

  protected override outputFor([batch, height, width]: MapShape): MapShape {
    const patches = (axis: 0 | 1) => (size: number) => Math.ceil(size / this.patchSize[axis]);
    return [batch, mapSize(height, patches(0)), mapSize(width, patches(1)), this.embedDim];
  }

  protected override mapMultiplyAdds(shape: KnownMapShape): number {
    const [batch, rows, columns] = this.outputFor(shape) as KnownMapShape;
    return batch * rows * columns * this.patchSize[0] * this.patchSize[1] * shape[3] * this.embedDim;
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues): tf.Tensor4D {
    const [batch, height, width, channels] = x.shape;
    const [ph, pw] = this.patchSize;
    const [rows, columns] = [Math.ceil(height / ph), Math.ceil(width / pw)];
    const [below, right] = [rows * ph - height, columns * pw - width];
    const whole =
      below || right
        ? tf.pad(x, [
            [0, 0],
            [0, below],
            [0, right],
            [0, 0],
          ])
        : x;
    // [B h, ph, w, pw C] to [B h, w, ph, pw C], which is one row of ph pw C per patch.
    const cut = tf.transpose(tf.reshape(whole, [batch * rows, ph, columns, pw * channels]), [0, 2, 1, 3]);
    const patches = tf.reshape(cut, [batch, rows, columns, ph * pw * channels]);
    const weight = tf.reshape(parameters.get('proj.weight'), [-1, this.embedDim]) as tf.Tensor2D;
    const y = linear({x: patches, weight, bias: parameters.get('proj.bias')});
    if (!this.patchNorm) return y as tf.Tensor4D;
    return layerNorm({
      x: y,
      gamma: parameters.get('norm.weight'),
      beta: parameters.get('norm.bias'),
    }) as tf.Tensor4D;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {embedDim, patchSize, patchNorm} = this;
    return {...super.getConfig(), embedDim, patchSize, patchNorm};
  }
}
tf.serialization.registerClass(PatchEmbed);

/**
 * Cuts an image into patches: [B, C, H, W] to [B, embedDim, ceil(H/p), ceil(W/p)].
 *
 * @param args embedDim or filters (required), patchSize, patchNorm, dataFormat, and Conv2D's options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function patchEmbed(args: PatchEmbedArgs): PatchEmbed {
  return new PatchEmbed(args);
}
