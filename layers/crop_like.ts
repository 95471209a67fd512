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
import {showShape} from '../kernels/common/shapes.js';
import {layerName} from './layer_name.js';
import {twoMapShapes} from './shapes.js';
import type {LayerArgs} from './tfjs_types.js';

export class CropLike extends tfl.layers.Layer {
  static readonly className = 'SwinCropLike';

  private shapes(inputShape: tfl.Shape | tfl.Shape[]): [tfl.Shape, tfl.Shape] {
    return twoMapShapes(layerName(this), '[B, H, W, C]', inputShape);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [x, like] = this.shapes(inputShape);
    return [x[0], like[1], like[2], x[3]];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const maps = Array.isArray(inputs) ? inputs : [inputs];
    const [[, height, width], [, rows, columns]] = this.shapes(maps.map(({shape}) => shape)) as number[][];
    const [x, like] = maps as tf.Tensor4D[];
    if (rows > height || columns > width) {
      throw new ShapeError(
        `${layerName(this)}: the map must be as large as the other one; got ${showShape(x.shape)} and ` +
          `${showShape(like.shape)}.`,
      );
    }
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
