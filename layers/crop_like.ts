/**
 * CropLike: the first rows and columns of a map, as many as another map has.
 *
 *   y[b, i, j, c] = x[b, i, j, c],  i < H', j < W'
 *
 *   x [B, H, W, C] and like [B, H', W', D], H' <= H and W' <= W, to [B, H', W', C]
 *
 * A map whose sides were odd is one cell too large once it has been halved and doubled: this takes the cell away again.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {ShapeError} from '../kernels/common/errors.js';
import {checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {checkInputs, twoMapShapes} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';

export class CropLike extends tfl.layers.Layer {
  static readonly className = 'SwinCropLike';

  constructor(args: LayerArgs = {}) {
    super(args ?? {});
    checkArguments(layerName(this), args, LAYER_ARGUMENTS);
  }

  private shapes(inputShape: tfl.Shape | tfl.Shape[]): [tfl.Shape, tfl.Shape] {
    return twoMapShapes(layerName(this), '[B, H, W, C]', inputShape);
  }

  private tooSmall(x: tfl.Shape, like: tfl.Shape): ShapeError {
    return new ShapeError(
      `${layerName(this)}: the map must be as large as the other one; got ${showShape(x)} and ${showShape(like)}.`,
    );
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInputs(layerName(this), inputs);
    return super.apply(inputs, kwargs);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [x, like] = this.shapes(inputShape);
    for (const axis of [1, 2]) {
      const [had, wanted] = [x[axis], like[axis]];
      if (had !== null && wanted !== null && wanted > had) throw this.tooSmall(x, like);
    }
    return [x[0], like[1], like[2], x[3]];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const maps = Array.isArray(inputs) ? inputs : [inputs];
    const [, rows, columns] = this.computeOutputShape(maps.map(({shape}) => shape)) as number[];
    const [x] = maps as tf.Tensor4D[];
    const [, height, width] = x.shape;
    if (rows === height && columns === width) return tf.clone(x);
    return tf.slice(x, [0, 0, 0, 0], [-1, rows, columns, -1]);
  }
}
tf.serialization.registerClass(CropLike);

/**
 * Crops a map, at its bottom and right, to the size of another: `cropLike().apply([x, like])`, both [B, H, W, C].
 *
 * @throws ShapeError for inputs that are no maps, or a map that is smaller than the other one.
 */
export function cropLike(args: LayerArgs = {}): CropLike {
  return new CropLike(args);
}
