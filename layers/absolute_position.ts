/**
 * AbsolutePosition: adds a learned vector to every cell of a map.
 *
 *   y = x + e,   e [1, H, W, C] for the map that the layer is built for
 *
 *   [B, C, H, W] or [B, H, W, C] to the same
 *
 * On a map of another size e is resized bilinearly, corners to corners' cells (half-pixel centres).
 *
 * Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words"; Liu et al. 2021, "Swin Transformer", section 4.4
 * (`ape` in microsoft/Swin-Transformer).
 */
import * as tf from '@tensorflow/tfjs-core';
import {type Size, sizePair} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
import {ShapeError} from '../kernels/common/errors.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {MAP_ARGUMENTS, MapLayer, type MapLayerArgs, type MapShape} from './map_layer.js';
import type {ParameterSpec, ParameterValues} from './parameters.js';

export interface AbsolutePositionArgs extends MapLayerArgs {
  /** Cells of the map that is learned, one number or [rows, columns]. Default: those of the input, if they are known. */
  mapSize?: Size;
}

const ARGUMENTS = {...MAP_ARGUMENTS, mapSize: true} as const satisfies ArgumentNames<AbsolutePositionArgs>;

export class AbsolutePosition extends MapLayer {
  static readonly className = 'SwinAbsolutePosition';
  private readonly mapSize?: [number, number];

  constructor(args: AbsolutePositionArgs = {}) {
    super(args, ARGUMENTS);
    if (args.mapSize !== undefined && args.mapSize !== null)
      this.mapSize = sizePair(this.who, 'mapSize', args.mapSize);
  }

  protected override parametersFor([, height, width, channels]: MapShape): ParameterSpec[] {
    const [rows, columns] = this.mapSize ?? [height, width];
    if (rows === null || columns === null) {
      throw new ShapeError(
        `${this.who}: mapSize must be given where the size of the input is unknown; got none.`,
      );
    }
    return [{name: 'absolute_pos_embed', shape: [1, rows, columns, channels], role: 'position'}];
  }

  protected override outputFor(shape: MapShape): MapShape {
    return shape;
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues): tf.Tensor4D {
    const learned = parameters.get<tf.Tensor4D>('absolute_pos_embed');
    const [, height, width] = x.shape;
    const fits = learned.shape[1] === height && learned.shape[2] === width;
    return tf.add(x, fits ? learned : tf.image.resizeBilinear(learned, [height, width], false, true));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), ...defined({mapSize: this.mapSize})};
  }
}
tf.serialization.registerClass(AbsolutePosition);

/**
 * Adds a learned vector to every cell of a map; the shape is kept.
 *
 * @param args mapSize, dataFormat, and Conv2D's options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function absolutePosition(args: AbsolutePositionArgs = {}): AbsolutePosition {
  return new AbsolutePosition(args);
}
