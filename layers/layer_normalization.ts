/**
 * Layer normalization of the channels of a map, as Swin has it: epsilon 1e-5, in one kernel.
 *
 *   y = (x - mean) / sqrt(var + epsilon) * gamma + beta,  mean and var over the channels of each cell
 *
 *   [B, C, H, W] or [B, H, W, C] to the same;  gamma, beta [C]
 *
 * tfjs's own LayerNormalization has epsilon 1e-3, the channels last only, and copies gamma and beta to the size of x.
 *
 * Source: Ba, Kiros & Hinton 2016, "Layer Normalization".
 */
import * as tf from '@tensorflow/tfjs-core';
import {positive} from '../kernels/common/arguments.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {layerNorm} from '../kernels/index.js';
import {MAP_ARGUMENTS, MapLayer, type MapLayerArgs, type MapShape} from './map_layer.js';
import type {ParameterSpec, ParameterValues} from './parameters.js';

export interface LayerNormalizationArgs extends MapLayerArgs {
  /** Added to the variance. Default 1e-5. */
  epsilon?: number;
}

const ARGUMENTS = {...MAP_ARGUMENTS, epsilon: true} as const satisfies ArgumentNames<LayerNormalizationArgs>;

export class LayerNormalization extends MapLayer {
  static readonly className = 'SwinLayerNormalization';
  private readonly epsilon: number;

  constructor(args: LayerNormalizationArgs = {}) {
    super(args, ARGUMENTS);
    this.epsilon = positive(this.who, 'epsilon', args.epsilon ?? 1e-5);
  }

  protected override parametersFor([, , , channels]: MapShape): ParameterSpec[] {
    return [
      {name: 'weight', shape: [channels], role: 'gamma'},
      {name: 'bias', shape: [channels], role: 'beta'},
    ];
  }

  protected override outputFor(shape: MapShape): MapShape {
    return shape;
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues): tf.Tensor4D {
    const [gamma, beta] = [parameters.get<tf.Tensor1D>('weight'), parameters.get<tf.Tensor1D>('bias')];
    return layerNorm({x, gamma, beta}, {epsilon: this.epsilon}) as tf.Tensor4D;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), epsilon: this.epsilon};
  }
}
tf.serialization.registerClass(LayerNormalization);

/**
 * Normalises the channels of every cell of a map; the shape is kept.
 *
 * @param args epsilon (1e-5), dataFormat, and Conv2D's options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function layerNormalization(args: LayerNormalizationArgs = {}): LayerNormalization {
  return new LayerNormalization(args);
}
