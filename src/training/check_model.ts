/** What evaluation and training ask of a model: one image input, and one logit per class for each image or each pixel. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkModel} from '../../architectures/check_model.js';
import {type DataFormat, mapShape} from '../../kernels/common/data_format.js';
import {showShape} from '../../kernels/common/shapes.js';
import type {ImageDataset} from '../data/dataset.js';
import {ConfigError} from '../errors.js';

/**
 * @throws ConfigError, in the name of `who`, unless the model maps images of the data set, in the data format, to
 *     [B, classes].
 */
export function checkClassifier(
  who: string,
  model: tfl.LayersModel,
  dataset: ImageDataset,
  dataFormat: DataFormat,
): void {
  checkOneInput(who, model);
  const {height, width, channels, classNames} = dataset;
  const image = mapShape(dataFormat, channels, height, width);
  const input = model.inputs[0].shape.slice(1);
  if (input.length !== 3 || input.some((extent, axis) => extent != null && extent !== image[axis])) {
    throw new ConfigError(
      `${who}: the model's input must take the images of ${dataset.name}, ${showShape(image)} in ${dataFormat}; ` +
        `got ${showShape(input)} (check dataFormat and the model's inputShape).`,
    );
  }
  const output = model.outputs[0].shape;
  if (output.length !== 2 || output[1] !== classNames.length) {
    throw new ConfigError(
      `${who}: the model must return one logit per class of ${dataset.name}, ${showShape(['B', classNames.length])}; ` +
        `got ${showShape(output)} (set numClasses to ${classNames.length}).`,
    );
  }
}

/** What a segmentation network is to be used with. */
interface SegmenterUse {
  /** Channels of the images. */
  channels: number;
  /** Rows and columns of the images that the model is to be given, null for any. */
  size: readonly [number, number] | null;
  /** Number of classes; default whatever the model has. */
  classes?: number;
  dataFormat: DataFormat;
}

/**
 * @returns the number of classes.
 * @throws ConfigError, in the name of `who`, unless the model maps images [B, C, H, W] of that size to logits
 *     [B, K, H, W], or both with the channels last.
 */
export function checkSegmenter(
  who: string,
  model: tfl.LayersModel,
  {channels, size, classes, dataFormat}: SegmenterUse,
): number {
  checkOneInput(who, model);
  const [height, width] = size ?? [null, null];
  const input = model.inputs[0].shape.slice(1);
  const image = mapShape(dataFormat, channels, height, width);
  if (input.length !== 3 || input.some((extent, i) => extent != null && extent !== (image[i] ?? extent))) {
    throw new ConfigError(
      `${who}: the model's input must take images ${showShape(image)} in ${dataFormat}; got ${showShape(input)} ` +
        `(check dataFormat, the image's channels and the size of crops and tiles).`,
    );
  }
  const output = model.outputs[0].shape.slice(1);
  const found = output[dataFormat === 'channelsFirst' ? 0 : 2];
  if (output.length !== 3 || found == null || found !== (classes ?? found) || found > 255) {
    throw new ConfigError(
      `${who}: the model must return a logit per pixel and class, ${showShape(['B', ...mapShape<number | string>(dataFormat, classes ?? 'K', 'H', 'W')])} ` +
        `with at most 255 classes; got ${showShape(['B', ...output])}.`,
    );
  }
  return found;
}

function checkOneInput(who: string, model: tfl.LayersModel): void {
  checkModel(who, model);
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new ConfigError(
      `${who}: the model must have one input and one output; got ${model.inputs.length} and ${model.outputs.length}.`,
    );
  }
}
