/**
 * PatchExpanding: the reverse of merging. Every cell becomes a square of `scale` by `scale` cells.
 *
 *   y = LN(rearrange(x W)),   rearrange: channels (p1 p2 c) to rows H p1 and columns W p2
 *
 *   [B, H, W, C] to [B, scale H, scale W, outChannels];  W [C, scale^2 outChannels] without bias
 *
 * Source: Cao et al. 2021, "Swin-Unet", section 3.4.
 */
import * as tf from '@tensorflow/tfjs-core';
import {positiveInteger} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
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
import {outChannelsOf} from './out_channels.js';
import {linearParameters, normParameters, type ParameterSpec, type ParameterValues} from './parameters.js';

export interface PatchExpandingArgs extends MapLayerArgs {
  /** Channels of the result. Default: those of the input divided by `scale`, as Swin-Unet has it for 2. */
  outChannels?: number;
  /** Conv2D's name for outChannels. */
  filters?: number;
  /** Factor of height and width. Default 2. */
  scale?: number;
}

const ARGUMENTS = {
  ...MAP_ARGUMENTS,
  ...{outChannels: true, filters: true, scale: true},
} as const satisfies ArgumentNames<PatchExpandingArgs>;

export class PatchExpanding extends MapLayer {
  static readonly className = 'SwinPatchExpanding';
  private readonly outChannels?: number;
  private readonly scale: number;

  constructor(args: PatchExpandingArgs = {}) {
    super(args, ARGUMENTS, {strides: 'give scale', size: 'give scale'});
    this.outChannels = outChannelsOf(this.who, args);
    this.scale = positiveInteger(this.who, 'scale', args.scale ?? 2);
  }

  private channelsFor(channels: number): number {
    if (this.outChannels === undefined && channels % this.scale !== 0) {
      throw new ConfigError(
        `${this.who}: scale must divide the input channels where outChannels is not given; got ${channels} ` +
          `channels and scale ${this.scale} (give outChannels).`,
      );
    }
    return this.outChannels ?? channels / this.scale;
  }

  protected override parametersFor([, , , channels]: MapShape): ParameterSpec[] {
    const out = this.channelsFor(channels);
    return [
      ...linearParameters('expand', [channels, this.scale ** 2 * out], false),
      ...normParameters('norm', out),
    ];
  }

  protected override outputFor([batch, height, width, channels]: MapShape): MapShape {
    const expand = (size: number) => size * this.scale;
    return [batch, mapSize(height, expand), mapSize(width, expand), this.channelsFor(channels)];
  }

  protected override mapMultiplyAdds([batch, height, width, channels]: KnownMapShape): number {
    return batch * height * width * channels * this.scale ** 2 * this.channelsFor(channels);
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues): tf.Tensor4D {
    const {scale} = this;
    const [batch, height, width, channels] = x.shape;
    const out = this.channelsFor(channels);
    const squares = linear({x, weight: parameters.get('expand.weight')});
    // [B H, W, p1, p2 c] to [B H, p1, W, p2 c], which is [B, H p1, W p2, c].
    const rows = tf.transpose(tf.reshape(squares, [batch * height, width, scale, scale * out]), [0, 2, 1, 3]);
    return layerNorm({
      x: tf.reshape(rows, [batch, height * scale, width * scale, out]),
      gamma: parameters.get('norm.weight'),
      beta: parameters.get('norm.bias'),
    }) as tf.Tensor4D;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {outChannels, scale} = this;
    return {...super.getConfig(), ...defined({outChannels, scale})};
  }
}
tf.serialization.registerClass(PatchExpanding);

/**
 * Enlarges a map: [B, C, H, W] to [B, outChannels, scale H, scale W].
 *
 * @param args outChannels or filters, scale, dataFormat, and Conv2D's options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function patchExpanding(args: PatchExpandingArgs = {}): PatchExpanding {
  return new PatchExpanding(args);
}
