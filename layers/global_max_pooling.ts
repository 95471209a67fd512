/**
 * The maximum over all cells of a map, channel by channel: [B, H, W, C] to [B, C], channels last.
 *
 * tfjs's globalMaxPooling2d computes the same; its gradient compares the whole map with the maxima, and gives every one of
 * equal maxima a gradient. This one is a max pool whose window is the map, and its gradient goes to one of them: the first,
 * or on webgpu, whose max pool is tfjs's own, the last.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {ShapeError} from '../kernels/common/errors.js';
import {checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {checkInput, singleInput, singleShape} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';

export class GlobalMaxPooling extends tfl.layers.Layer {
  static readonly className = 'SwinGlobalMaxPooling';

  constructor(args: LayerArgs = {}) {
    super(args ?? {});
    checkArguments(layerName(this), args, LAYER_ARGUMENTS);
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInput(layerName(this), inputs);
    return super.apply(inputs, kwargs);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const shape = singleShape(inputShape);
    if (shape.length !== 4 || shape[1] === 0 || shape[2] === 0) {
      throw new ShapeError(
        `${layerName(this)}: the input must be a map [B, H, W, C] with cells; got ${showShape(shape)}.`,
      );
    }
    return [shape[0], shape[3]];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs) as tf.Tensor4D;
      const shape = this.computeOutputShape(x.shape) as number[];
      const [, height, width] = x.shape;
      return tf.reshape(tf.maxPool(x, [height, width], [height, width], 'valid'), shape);
    });
  }
}
tf.serialization.registerClass(GlobalMaxPooling);

/**
 * The maximum of each channel over all cells of a map with the channels last.
 *
 * @param args a layer's own: name and the like.
 * @throws ConfigError for an argument that it does not take; ShapeError for an input that is no map.
 */
export function globalMaxPooling(args: LayerArgs = {}): GlobalMaxPooling {
  return new GlobalMaxPooling(args);
}
