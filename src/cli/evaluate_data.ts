/**
 * The images that a classifier is evaluated on, prepared as `classify` prepares pictures for it: resized and cropped as the
 * model says of itself, so that the figures are those that its user gets.
 */
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkIndex} from '../data/check_index.js';
import type {DatasetSplit, ImageDataset} from '../data/dataset.js';
import {IMAGENET_MEAN, IMAGENET_STD, type PreprocessConfig, preparation} from '../data/preprocess.js';
import type {RgbImage} from '../data/rgb_image.js';
import {ConfigError, DataError} from '../errors.js';
import {classifierMetadata} from '../inference/classifier_metadata.js';
import {checkHead, configFor} from '../inference/classify.js';
import {cifarFiles, detectCifar} from '../node/cifar_files.js';
import {type ClassFiles, listClassFolders} from '../node/class_folders.js';
import {decodeImage} from '../node/image_file.js';
import type {EvaluateSettings} from './evaluate_settings.js';

/** A data set, and how its bytes become what the model takes. */
export interface PreparedData {
  dataset: ImageDataset;
  preparation: Required<Pick<PreprocessConfig, 'mean' | 'std' | 'dataFormat'>>;
}

type DataSettings = Pick<EvaluateSettings, 'data' | 'part' | 'seed'> & {
  /** Told of image files that cannot be decoded. */
  onLeftOut: (message: string) => void;
};

/**
 * @throws ConfigError for a model that is no classifier of RGB images by logits, or has other classes than the data;
 *     DataError where the folder holds no usable images.
 */
export async function openPrepared(model: tfl.LayersModel, settings: DataSettings): Promise<PreparedData> {
  const {classes, probabilities} = checkHead('evaluate', model);
  if (probabilities) {
    throw new ConfigError(
      'evaluate: the model must return logits, from which the loss is computed; got one that ends with probabilities ' +
        '(build it without the last activation).',
    );
  }
  const metadata = classifierMetadata(model);
  const config = configFor('evaluate', model, metadata, {});
  const {shape, crop} = preparation('evaluate', config);
  const {mean = IMAGENET_MEAN, std = IMAGENET_STD, dataFormat = 'channelsFirst'} = config;
  const images = await openImages(settings, metadata.classNames);
  if (images.classNames.length !== classes) {
    throw new ConfigError(
      `evaluate: the data must have the ${classes} classes of the model; got ${images.classNames.length} in ` +
        `${images.name} (${images.classNames.join(', ')}).`,
    );
  }
  const [height, width] = dataFormat === 'channelsFirst' ? [shape[1], shape[2]] : [shape[0], shape[1]];
  const dataset: ImageDataset = {
    ...images,
    ...{height, width, channels: 3},
    read: async (index) => crop(await images.readImage(index)),
  };
  return {dataset, preparation: {mean, std, dataFormat}};
}

/** Labelled images of any size. */
interface LabelledImages extends Pick<ImageDataset, 'name' | 'size' | 'classNames' | 'label'> {
  readImage(index: number): Promise<RgbImage>;
}

async function openImages(settings: DataSettings, classNames?: readonly string[]): Promise<LabelledImages> {
  const {data, part} = settings;
  const found = await stat(data).catch(() => null);
  if (!found?.isDirectory()) {
    throw new DataError(`evaluate: --data must be a folder that is there; got ${data} (check the path).`);
  }
  if ((await detectCifar(data)) !== null) return cifarImages(await cifarFiles(data), part, classNames);
  const {seed, onLeftOut} = settings;
  const who = `evaluate(${data})`;
  const listed = await listClassFolders(data, {
    ...{who, seed, onLeftOut, testFraction: 0.2, decoder: 'auto'},
    ...(classNames === undefined ? {} : {classNames}),
  });
  const parts = part === 'all' ? [listed.train, listed.test] : [listed[part]];
  return folderImages(part === 'all' ? data : `${data}/${part}`, parts);
}

/** The images of class folders; each part lists all classes in the same order. */
function folderImages(name: string, parts: readonly (readonly ClassFiles[])[]): LabelledImages {
  const images = parts.flatMap((part) =>
    part.flatMap(({dir, files}, label) => files.map((file) => ({path: join(dir, file), label}))),
  );
  const imageAt = (index: number) => {
    checkIndex(name, index, images.length);
    return images[index]!;
  };
  return {
    name,
    size: images.length,
    classNames: parts[0]!.map((one) => one.name),
    label: (index) => imageAt(index).label,
    readImage: async (index) => decodeImage(imageAt(index).path),
  };
}

function cifarImages(
  {train, test}: DatasetSplit,
  part: DataSettings['part'],
  classNames: readonly string[] = test.classNames,
): LabelledImages {
  if (classNames.join('\n') !== test.classNames.join('\n')) {
    throw new ConfigError(
      `evaluate: the model must have the classes of the data, ${test.classNames.join(', ')}; got ${classNames.join(', ')}.`,
    );
  }
  const sets = {train: [train], test: [test], all: [train, test]}[part];
  const size = sets.reduce((sum, set) => sum + set.size, 0);
  const name = part === 'all' ? test.name.replace(/\/test$/, '') : sets[0]!.name;
  const locate = (index: number): [set: ImageDataset, within: number] => {
    checkIndex(name, index, size);
    return index < sets[0]!.size ? [sets[0]!, index] : [sets[1]!, index - sets[0]!.size];
  };
  return {
    ...{name, size, classNames},
    label(index) {
      const [set, within] = locate(index);
      return set.label(within);
    },
    async readImage(index) {
      const [set, within] = locate(index);
      return {data: await set.read(within), width: set.width, height: set.height};
    },
  };
}
