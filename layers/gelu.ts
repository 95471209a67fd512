/**
 * GELU as a layer, exact, of any shape [B, ...]: y = x Phi(x), Phi the distribution function of the standard normal.
 *
 * The activation 'gelu' of tfjs computes the same in ten passes over the map; this is one kernel where there is one.
 *
 * Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {checkArguments} from '../kernels/common/known_arguments.js';
import {gelu as geluOf} from '../kernels/index.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {checkInput, singleInput, singleShape} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';

export class Gelu extends tfl.layers.Layer {
  static readonly className = 'SwinGelu';

  constructor(args: LayerArgs = {}) {
    super(args ?? {});
    checkArguments(layerName(this), args, LAYER_ARGUMENTS);
    this.supportsMasking = true;
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInput(layerName(this), inputs);
    return super.apply(inputs, kwargs);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return singleShape(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return geluOf({x: singleInput(inputs)});
  }
}
tf.serialization.registerClass(Gelu);

/**
 * Exact GELU of every number; the shape is kept.
 *
 * @param args a layer's own: name and the like.
 * @throws ConfigError for an argument that it does not take.
 */
export function gelu(args: LayerArgs = {}): Gelu {
  return new Gelu(args);
}
