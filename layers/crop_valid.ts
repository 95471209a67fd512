/**
 * CropValid: of a map computed with padding, the cells that a convolution without padding would have.
 *
 *   y[b, i, j, c] = x[b, i + floor(a / 2), j + floor(b / 2), c],   a and b the rows and columns that are too many
 *
 *   x [B, ceil(H / sh), ceil(W / sw), C] and the convolution's input [B, H, W, D]
 *   to [B, floor((H - kh) / sh) + 1, floor((W - kw) / sw) + 1, C], kernel [kh, kw], strides [sh, sw]; or both channelsFirst
 *
 * tfjs's Cropping2D takes away a fixed number of rows, but with an even kernel and a stride of 2 that number depends on
 * whether H is even; and where H is unknown it gives a wrong shape (null - 2 = -2).
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {type Size, sizePair} from '../kernels/common/arguments.js';
import {checkDataFormat, type DataFormat, mapShape} from '../kernels/common/data_format.js';
import {ShapeError} from '../kernels/common/errors.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {warnOfDataFormat} from './data_format_warning.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {mapSize} from './map_layer.js';
import {checkInputs, twoMapShapes} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';

export interface CropValidArgs extends LayerArgs {
  /** Height and width of the convolution's kernel. */
  kernelSize: Size;
  /** Its strides. Default 1. */
  strides?: Size;
  /** Where the channels are, in all three maps. Default 'channelsFirst'. */
  dataFormat?: DataFormat;
}

const ARGUMENTS = {
  ...LAYER_ARGUMENTS,
  ...{kernelSize: true, strides: true, dataFormat: true},
} as const satisfies ArgumentNames<CropValidArgs>;

export class CropValid extends tfl.layers.Layer {
  static readonly className = 'SwinCropValid';
  private readonly kernelSize: [number, number];
  private readonly strides: [number, number];
  private readonly dataFormat: DataFormat;

  constructor(args: CropValidArgs) {
    super(args ?? {});
    const {who} = this;
    checkArguments(who, args, ARGUMENTS);
    this.kernelSize = sizePair(who, 'kernelSize', args.kernelSize);
    this.strides = sizePair(who, 'strides', args.strides ?? 1);
    this.dataFormat = checkDataFormat(who, args.dataFormat ?? 'channelsFirst');
  }

  private get who(): string {
    return layerName(this);
  }

  /** Number of the axis of the rows; that of the columns follows. */
  private get rows(): number {
    return this.dataFormat === 'channelsFirst' ? 2 : 1;
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInputs(this.who, inputs);
    warnOfDataFormat(this, inputs, this.dataFormat);
    return super.apply(inputs, kwargs);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const form = showShape(['B', ...mapShape(this.dataFormat, 'C', 'H', 'W')]);
    const [x, source] = twoMapShapes(this.who, form, inputShape);
    const output = [...x];
    for (const i of [0, 1]) {
      const axis = this.rows + i;
      const [kernel, stride, had] = [this.kernelSize[i], this.strides[i], x[axis]];
      const size = mapSize(source[axis], (from) => Math.floor((from - kernel) / stride) + 1);
      if (size !== null && (size < 1 || (had !== null && had < size))) {
        throw new ShapeError(
          `${this.who}: the map must be that of a convolution with kernel ${showShape(this.kernelSize)} and strides ` +
            `${showShape(this.strides)} over its input; got ${showShape(x)} and ${showShape(source)}.`,
        );
      }
      output[axis] = size;
    }
    return output;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const maps = Array.isArray(inputs) ? inputs : [inputs];
    const size = this.computeOutputShape(maps.map(({shape}) => shape)) as number[];
    const [x] = maps;
    const begin = x.shape.map((had, axis) => Math.floor((had - size[axis]) / 2));
    return tf.slice(x, begin, size);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {kernelSize, strides, dataFormat} = this;
    return {...super.getConfig(), kernelSize, strides, dataFormat};
  }
}
tf.serialization.registerClass(CropValid);

/**
 * Crops a map to the size that a convolution without padding would have: `cropValid(args).apply([x, input])`, `input` what
 * the convolution would see.
 *
 * @param args kernelSize (required) and strides (default 1), numbers or [rows, columns]; dataFormat.
 * @throws ConfigError for arguments that can never work; ShapeError for inputs that are no such maps.
 */
export function cropValid(args: CropValidArgs): CropValid {
  return new CropValid(args);
}
