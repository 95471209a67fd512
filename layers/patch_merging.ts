/**
 * PatchMerging: halves a map and maps the four cells of every 2x2 square to new channels.
 *
 *   pre-norm (V1)    y = LN(merge(x)) W       LN over 4C
 *   post-norm (V2)   y = LN(merge(x) W)       LN over the output channels
 *
 *   [B, H, W, C] to [B, ceil(H/2), ceil(W/2), outChannels];  W [4C, outChannels] without bias; merge: kernels' patchMerge
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.1; microsoft/Swin-Transformer, PatchMerging of V1 and V2.
 */
import * as tf from '@tensorflow/tfjs-core';
import {oneOf} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {layerNorm, linear, patchMerge} from '../kernels/index.js';
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

/** Where the norm stands: before the product as in V1, or after it as in V2. */
export type NormPosition = 'pre' | 'post';

/** The parameters of merging maps of `channels` into `outChannels`. */
export function mergingParameters(
  norm: NormPosition,
  channels: number,
  outChannels: number,
): ParameterSpec[] {
  return [
    ...linearParameters('reduction', [4 * channels, outChannels], false),
    ...normParameters('norm', norm === 'pre' ? 4 * channels : outChannels),
  ];
}

/** Shape of a merged map. */
export function mergedShape([batch, height, width]: MapShape, outChannels: number): MapShape {
  const half = (size: number) => Math.ceil(size / 2);
  return [batch, mapSize(height, half), mapSize(width, half), outChannels];
}

/** Multiply-adds of merging maps of this shape. */
export function mergingMultiplyAdds(shape: KnownMapShape, outChannels: number): number {
  const [batch, rows, columns] = mergedShape(shape, outChannels) as KnownMapShape;
  return batch * rows * columns * 4 * shape[3] * outChannels;
}

/** Merges x [B, H, W, C]. */
export function mergePatches(x: tf.Tensor4D, parameters: ParameterValues, norm: NormPosition): tf.Tensor4D {
  const affine = {
    gamma: parameters.get<tf.Tensor1D>('norm.weight'),
    beta: parameters.get<tf.Tensor1D>('norm.bias'),
  };
  const weight = parameters.get<tf.Tensor2D>('reduction.weight');
  const merged = patchMerge({x});
  return (
    norm === 'pre'
      ? linear({x: layerNorm({x: merged, ...affine}), weight})
      : layerNorm({x: linear({x: merged, weight}), ...affine})
  ) as tf.Tensor4D;
}

export interface PatchMergingArgs extends MapLayerArgs {
  /** Channels of the result. Default: twice those of the input. */
  outChannels?: number;
  /** Conv2D's name for outChannels. */
  filters?: number;
  /** 'pre' as in Swin V1, 'post' as in V2. Default 'pre'. */
  norm?: NormPosition;
}

const ARGUMENTS = {
  ...MAP_ARGUMENTS,
  ...{outChannels: true, filters: true, norm: true},
} as const satisfies ArgumentNames<PatchMergingArgs>;

export class PatchMerging extends MapLayer {
  static readonly className = 'SwinPatchMerging';
  private readonly outChannels?: number;
  private readonly norm: NormPosition;

  constructor(args: PatchMergingArgs = {}) {
    super(args, ARGUMENTS, {strides: 'it always halves the map: leave strides out'});
    this.outChannels = outChannelsOf(this.who, args);
    this.norm = oneOf(this.who, 'norm', args.norm ?? 'pre', ['pre', 'post']);
  }

  private channelsFor(channels: number): number {
    return this.outChannels ?? 2 * channels;
  }

  protected override parametersFor([, , , channels]: MapShape): ParameterSpec[] {
    return mergingParameters(this.norm, channels, this.channelsFor(channels));
  }

  protected override outputFor(shape: MapShape): MapShape {
    return mergedShape(shape, this.channelsFor(shape[3]));
  }

  protected override mapMultiplyAdds(shape: KnownMapShape): number {
    return mergingMultiplyAdds(shape, this.channelsFor(shape[3]));
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues): tf.Tensor4D {
    return mergePatches(x, parameters, this.norm);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {outChannels, norm} = this;
    return {...super.getConfig(), ...defined({outChannels, norm})};
  }
}
tf.serialization.registerClass(PatchMerging);

/**
 * Halves a map: [B, C, H, W] to [B, outChannels, ceil(H/2), ceil(W/2)].
 *
 * @param args outChannels or filters, norm, dataFormat, and Conv2D's options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function patchMerging(args: PatchMergingArgs = {}): PatchMerging {
  return new PatchMerging(args);
}
