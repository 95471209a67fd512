/**
 * What the files beside a published checkpoint say of it.
 *
 *     config.json               timm           architecture, num_classes, label_names, pretrained_cfg: input_size, crop_pct,
 *                                              crop_mode, interpolation, mean, std
 *                               transformers   model_type, image_size, window_size, pretrained_window_sizes, id2label
 *     preprocessor_config.json  transformers   size, crop_size, crop_pct, resample, image_mean, image_std
 *
 * The weights themselves tell what the network is; here is read what they cannot tell: the size of the images it is for,
 * the windows of Swin V2, the names of the classes and how images are prepared.
 *
 * Sources: timm, models/_hub.py and _pretrained.py; transformers, configuration_swin(v2).py and image_processing_*.py.
 */
import type {SwinTransformerArgs} from '../../architectures/index.js';
import {defined} from '../../kernels/common/defined.js';
import type {Interpolation} from '../data/resize.js';
import type {ClassifierMetadata} from '../inference/classifier_metadata.js';

/** Arguments of the network that its weights may not tell. */
export type NetworkHints = Pick<SwinTransformerArgs, 'imageSize' | 'windowSize' | 'pretrainedWindowSize'>;

export interface CheckpointDescription {
  hints: NetworkHints;
  /** Classes, and how images are prepared. */
  metadata: ClassifierMetadata;
  /** What was found and could not be used, and why. */
  notes: string[];
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isText = (value: unknown): value is string => typeof value === 'string';

/**
 * @param config config.json, where there is one.
 * @param preprocessor preprocessor_config.json, where there is one.
 */
export function describe(config: Json | undefined, preprocessor: Json | undefined): CheckpointDescription {
  const notes: string[] = [];
  const isTimm = config !== undefined && (isText(config.architecture) || isObject(config.pretrained_cfg));
  const found =
    config === undefined
      ? {hints: {}, metadata: {}}
      : isTimm
        ? ofTimm(config, notes)
        : ofTransformers(config, notes);
  const prepared = preprocessor === undefined ? {} : preparedBy(preprocessor, notes);
  return {hints: found.hints, metadata: defined({...found.metadata, ...prepared}), notes};
}

type Found = Pick<CheckpointDescription, 'hints' | 'metadata'>;

function ofTimm(config: Json, notes: string[]): Found {
  const own = isObject(config.pretrained_cfg) ? config.pretrained_cfg : config;
  const args = isObject(config.model_args) ? config.model_args : {};
  const architecture = isText(config.architecture) ? config.architecture : '';
  const [, first, second] = /_window(\d+)(?:to(\d+))?(?:_|$)/.exec(architecture) ?? [];
  const window = sideOf(args.window_size) ?? (first === undefined ? undefined : Number(second ?? first));
  const input =
    Array.isArray(own.input_size) && own.input_size.length === 3 ? own.input_size.slice(1) : undefined;
  const imageSize = sideOf(args.img_size) ?? sideOf(input);
  const {crop_mode: cropMode, interpolation} = own;
  return {
    hints: defined({
      imageSize,
      ...(architecture.startsWith('swinv2_')
        ? {windowSize: window, pretrainedWindowSize: timmPretrained(architecture)}
        : {}),
    }),
    metadata: {
      ...{imageSize, ...statistics(own.mean, own.std)},
      cropFraction: fraction(own.crop_pct),
      cropMode: known('crop_mode', cropMode, {center: 'center', squash: 'squash'} as const, notes),
      interpolation: known('interpolation', interpolation, INTERPOLATIONS, notes),
      classNames: timmLabels(config, own),
    },
  };
}

/**
 * The windows of pretraining by the name of a network that was fine-tuned with others: swinv2_base_window12to16_192to256 had
 * windows of 12 on images of 192, and of 6 in its last stage, whose map has no more.
 */
function timmPretrained(architecture: string): [number, number][] | undefined {
  const [, window, image] = /_window(\d+)to\d+_(\d+)to\d+$/.exec(architecture) ?? [];
  if (window === undefined) return undefined;
  return [4, 8, 16, 32].map((stride) => {
    const side = Math.min(Number(window), Math.ceil(Number(image) / stride));
    return [side, side];
  });
}

const INTERPOLATIONS: Readonly<Record<string, Interpolation>> = {bilinear: 'bilinear', bicubic: 'bicubic'};

function timmLabels(config: Json, own: Json): string[] | undefined {
  const names = config.label_names ?? own.label_names ?? config.labels;
  if (!Array.isArray(names) || names.length === 0 || !names.every(isText)) return undefined;
  const told = config.label_descriptions ?? own.label_descriptions;
  // Synsets of WordNet are numbers to people.
  if (!isObject(told) || !names.every((name) => /^n\d{8}$/.test(name))) return names;
  return names.map((name) => (isText(told[name]) ? (told[name] as string) : name));
}

function ofTransformers(config: Json, notes: string[]): Found {
  const {model_type: type, image_size: image, window_size: window, pretrained_window_sizes: trained} = config;
  const imageSize = sideOf(image);
  if (type !== 'swin' && type !== 'swinv2') {
    notes.push(`config.json: model_type is ${JSON.stringify(type) ?? 'missing'}, not swin or swinv2`);
    return {hints: {}, metadata: defined({classNames: idLabels(config.id2label)})};
  }
  const pretrained =
    Array.isArray(trained) && trained.length > 0 && trained.every(isCount)
      ? trained.map((side): [number, number] => [side, side])
      : undefined;
  return {
    hints: defined({
      imageSize,
      ...(type === 'swinv2' ? {windowSize: sideOf(window), pretrainedWindowSize: pretrained} : {}),
    }),
    metadata: {imageSize, classNames: idLabels(config.id2label)},
  };
}

/** {"0": "tench", "1": "goldfish", ...}; names that only number the classes are none. */
function idLabels(labels: unknown): string[] | undefined {
  if (!isObject(labels)) return undefined;
  const names = Object.keys(labels).map((_, i) => labels[String(i)]);
  if (names.length === 0 || !names.every(isText)) return undefined;
  return names.every((name, i) => name === `LABEL_${i}`) ? undefined : names;
}

/** Numbers of PIL's filters. */
const RESAMPLE: Readonly<Record<string, Interpolation>> = {2: 'bilinear', 3: 'bicubic'};

function preparedBy(config: Json, notes: string[]): ClassifierMetadata {
  const {do_normalize: normalize, rescale_factor: factor, do_rescale: rescale} = config;
  const isScaled = rescale !== false && (typeof factor !== 'number' || Math.abs(factor * 255 - 1) < 1e-3);
  if (!isScaled) notes.push('preprocessor_config.json: bytes are not scaled by 1 / 255');
  return {
    ...cropOf(config, notes),
    ...(normalize === false
      ? {mean: [0, 0, 0], std: [1, 1, 1]}
      : statistics(config.image_mean, config.image_std)),
    ...defined({interpolation: known('resample', config.resample, RESAMPLE, notes)}),
  };
}

/** To which size images are resized, and what is cut out of them. */
function cropOf(config: Json, notes: string[]): ClassifierMetadata {
  const {size, crop_size: crop, do_center_crop: isCropped, crop_pct: share} = config;
  const shortest = isObject(size) ? size.shortest_edge : undefined;
  if (isCount(shortest)) {
    const cropped = isCropped === false ? undefined : sideOf(crop);
    if (typeof cropped === 'number' && cropped <= shortest) {
      return {imageSize: cropped, cropFraction: cropped / shortest, cropMode: 'center'};
    }
    // ConvNext's: below 384 the shorter side becomes size / crop_pct, and the middle is cut out.
    if (fraction(share) === undefined) {
      notes.push('preprocessor_config.json: images keep their proportions, and are not cropped to one size');
      return {};
    }
    return shortest < 384
      ? {imageSize: shortest, cropFraction: share as number, cropMode: 'center'}
      : {imageSize: shortest, cropFraction: 1, cropMode: 'squash'};
  }
  const sides = sideOf(size);
  if (sides === undefined) return {};
  const cropped = isCropped === true ? sideOf(crop) : undefined;
  if (typeof cropped !== 'number' || typeof sides !== 'number' || cropped > sides) {
    return {imageSize: sides, cropFraction: 1, cropMode: 'squash'};
  }
  return {imageSize: cropped, cropFraction: cropped / sides, cropMode: 'squash'};
}

/** A size as it is written: n, [n, n], [h, w] or {height, width}. */
function sideOf(size: unknown): number | [number, number] | undefined {
  if (isCount(size)) return size;
  const sides = isObject(size) ? [size.height, size.width] : size;
  if (!Array.isArray(sides) || sides.length !== 2 || !sides.every(isCount)) return undefined;
  return sides[0] === sides[1] ? sides[0] : [sides[0], sides[1]];
}

function statistics(mean: unknown, std: unknown): Pick<ClassifierMetadata, 'mean' | 'std'> {
  const isThree = (values: unknown): values is number[] =>
    Array.isArray(values) && values.length === 3 && values.every(Number.isFinite);
  return isThree(mean) && isThree(std) && std.every((value) => value > 0) ? {mean, std} : {};
}

const fraction = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 && value <= 1 ? value : undefined;

/** Our word for a value; undefined where there is none, with a note. */
function known<T>(
  name: string,
  value: unknown,
  words: Readonly<Record<string, T>>,
  notes: string[],
): T | undefined {
  if (value === undefined || value === null) return undefined;
  const word = Object.hasOwn(words, String(value)) ? words[String(value)] : undefined;
  if (word === undefined)
    notes.push(`${name} ${JSON.stringify(value)} is not known here; the default is used`);
  return word;
}
