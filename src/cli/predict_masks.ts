/** What a segmentation network says of a picture: the picture with its classes in colour, and the share of each class. */
import {basename, dirname, join, parse, resolve} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError} from '../errors.js';
import {segmenterMetadata} from '../inference/segmenter_metadata.js';
import {decodeImage} from '../node/image_file.js';
import {overlayPng} from '../node/overlay.js';
import {replaceFile} from '../node/replace_file.js';
import {predictSegmentation} from '../training/predict_segmentation.js';
import {bar} from './bars.js';
import {OVERLAY_ENDING} from './pictures.js';
import type {Predictor, PredictSettings} from './predict_settings.js';

const BAR_WIDTH = 30;

/** @throws ConfigError for a model that does not say how its images were prepared, or does not have the background. */
export function maskPredictor(
  model: tfl.LayersModel,
  {out, tile, background}: Pick<PredictSettings, 'out' | 'tile' | 'background'>,
): Predictor {
  const classNames = segmenterClasses('predict', model);
  const uncoloured =
    classIndex('predict', 'background', background ?? segmenterMetadata(model).background, classNames) ?? 0;
  const written = new Set<string>();
  return async (path) => {
    const image = await decodeImage(path);
    const {mask, width, height} = await predictSegmentation(model, image, tile === null ? {} : {tile});
    const overlay = placeFor(path, out, written);
    await replaceFile('predict', overlay, overlayPng(image, mask, {background: uncoloured, outline: true}));
    const pixels = new Array<number>(classNames.length).fill(0);
    for (const index of mask) pixels[index]!++;
    const shares = classNames.map((label, k) => ({label, share: pixels[k]! / mask.length}));
    const longest = Math.max(...classNames.map(({length}) => length));
    const lines = shares.map(({label, share}) => {
      const percent = `${(100 * share).toFixed(1)}%`.padStart(6);
      return `  ${label.padEnd(longest)}  ${bar(share, BAR_WIDTH)} ${percent}`;
    });
    return {lines: [...lines, `  ${overlay}`], json: {width, height, shares, overlay}};
  };
}

/**
 * The names of a segmentation network's classes, where it says them and how its images were prepared.
 *
 * @throws ConfigError, in the name of the command, where it does not: its masks would look like masks and be wrong.
 */
export function segmenterClasses(command: string, model: tfl.LayersModel): readonly string[] {
  const {classNames, mean, std, dataFormat = 'channelsFirst'} = segmenterMetadata(model);
  const missing = Object.entries({classNames, mean, std}).filter(([, value]) => value === undefined);
  if (missing.length > 0) {
    throw new ConfigError(
      `${command}: a segmentation model must say its class names and how its images were prepared (classNames, mean, std in ` +
        `userDefinedMetadata, as training here writes them); got none of ${missing.map(([name]) => name).join(', ')}.`,
    );
  }
  const classes = model.outputs[0]!.shape[dataFormat === 'channelsFirst' ? 1 : 3];
  if (classNames!.length !== classes) {
    throw new ConfigError(
      `${command}: the model must have a name for each of its ${classes} classes; got ${classNames!.length}.`,
    );
  }
  return classNames!;
}

/** The number of a class by its name; undefined where there is no name. */
export function classIndex(
  command: string,
  option: string,
  name: string | undefined,
  classNames: readonly string[],
): number | undefined {
  if (name === undefined) return undefined;
  const index = classNames.indexOf(name);
  if (index >= 0) return index;
  throw new ConfigError(`${command}: --${option} must be one of ${classNames.join(', ')}; got ${name}.`);
}

/** Where the overlay of a picture goes: one place for each picture of a run, whatever their folders and endings. */
function placeFor(picture: string, out: string | null, written: Set<string>): string {
  const folder = out ?? dirname(picture);
  const {name} = parse(basename(picture));
  for (let number = 1; ; number++) {
    const place = join(folder, `${name}${number === 1 ? '' : `-${number}`}${OVERLAY_ENDING}`);
    if (written.has(resolve(place))) continue;
    written.add(resolve(place));
    return place;
  }
}
