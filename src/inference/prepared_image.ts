/**
 * A picture as the input of a model, prepared as `classify` does for a classifier, and as `predictSegmentation` does for a
 * network that returns maps; and which part of the picture that is.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkDataFormat, type DataFormat, mapShape} from '../../kernels/common/data_format.js';
import {showShape} from '../../kernels/common/shapes.js';
import {type ByteImage, channelsOf, type ImageInput, pixelImage, rgbImage} from '../data/image_input.js';
import {normaliser} from '../data/normalise.js';
import {type PreprocessConfig, preparation} from '../data/preprocess.js';
import type {Crop} from '../data/resize.js';
import type {RgbImage} from '../data/rgb_image.js';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {ConfigError} from '../errors.js';
import {classifierMetadata} from './classifier_metadata.js';
import {configFor} from './classify.js';
import {withPreparation} from './segmenter_metadata.js';

export interface PreparedImage {
  values: Float32Array;
  /** [C, H, W] or [H, W, C]. */
  shape: [number, number, number];
  dataFormat: DataFormat;
  /** The part of the picture that the model sees, in its pixels, fractions of them included. */
  region: Crop;
}

/**
 * @param options As of `preprocess`. For a network that returns maps imageSize is the model's or else the picture's own,
 *   cropFraction 1, mean 0 and std 1 where neither they nor the model says otherwise.
 * @throws ConfigError, in the name of `who`, for options or a model that do not fit; DataError or ShapeError for what is no
 *   image.
 */
export async function preparedImage(
  who: string,
  model: tfl.LayersModel,
  image: PixelImage | ImageInput,
  options: PreprocessConfig,
): Promise<PreparedImage> {
  if (model.outputs.some(({shape}) => shape.length !== 4)) {
    const config = configFor(who, model, classifierMetadata(model), options);
    return prepare(who, config, config.dataFormat, await rgbImage(who, image));
  }
  const input = model.inputs[0].shape.slice(1);
  const config = withPreparation(model, options);
  const {dataFormat = formatOf(input)} = config;
  checkDataFormat(who, dataFormat);
  const [channels, ...size] = dataFormat === 'channelsFirst' ? input : [input[2], input[0], input[1]];
  const picture = channels === 3 ? await rgbImage(who, image) : await pixelImage(who, image, null);
  const own = [size[0] ?? picture.height, size[1] ?? picture.width] as const;
  if (channels === 3) {
    return prepare(who, {imageSize: own, cropFraction: 1, ...UNSCALED, ...config}, dataFormat, picture);
  }
  return asItIs(who, picture, [channels ?? null, ...own], {...config, dataFormat});
}

const UNSCALED = {mean: [0, 0, 0], std: [1, 1, 1]};

/** Where channels are by the sizes that a model fixes: they are known, and fewer than rows. */
function formatOf([first, , last]: (number | null)[]): DataFormat {
  return last != null && (first == null || last < first) ? 'channelsLast' : 'channelsFirst';
}

function prepare(
  who: string,
  config: PreprocessConfig,
  dataFormat: DataFormat,
  picture: RgbImage,
): PreparedImage {
  const {shape, write, region} = preparation(who, {...config, dataFormat});
  const values = new Float32Array(shape[0] * shape[1] * shape[2]);
  write(picture, values, 0);
  return {values, shape, dataFormat, region: region(picture)};
}

/** A picture of another number of channels than three, which is not resized. */
function asItIs(
  who: string,
  picture: ByteImage,
  [taken, rows, columns]: readonly [number | null, number, number],
  config: PreprocessConfig,
): PreparedImage {
  const {data, height, width} = picture;
  const {dataFormat = 'channelsFirst', imageSize} = config;
  if (height !== rows || width !== columns || imageSize !== undefined) {
    throw new ConfigError(
      `${who}: a picture that is not RGB must have the size that the model takes, ${rows}x${columns}, and no imageSize; got ` +
        `${height}x${width}${imageSize === undefined ? '' : ` and imageSize ${showShape([imageSize].flat())}`} (resize it before).`,
    );
  }
  const channels = channelsOf(who, picture);
  if (channels !== (taken ?? channels)) {
    throw new ConfigError(
      `${who}: the picture must have the ${taken} channels that the model takes; got ${channels}.`,
    );
  }
  const values = new Float32Array(data.length);
  normaliser(who, channels, config)(data, values, 0);
  const region = {top: 0, left: 0, height, width};
  return {values, shape: mapShape(dataFormat, channels, height, width), dataFormat, region};
}
