/**
 * Puts the weights of a checkpoint into a model.
 *
 * Every weight of the model is looked up under its name in the checkpoint's layout (layouts/), turned to our order of axes
 * (axes.ts), and, where it is of another size, resized as its kind allows (resizing.ts); a head for other classes stays as
 * it is. First all names and shapes are compared, then the values are read, and nothing is assigned before all are there.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf} from '../../kernels/common/arguments.js';
import {defined} from '../../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {showValue} from '../../kernels/common/show_value.js';
import {CheckpointError} from '../errors.js';
import {fromFile} from './axes.js';
import {type ByteSource, bytesSource} from './byte_source.js';
import type {Checkpoint} from './checkpoint.js';
import {coordinateNotes} from './configuration.js';
import {
  checkDownloadOptions,
  DOWNLOAD_OPTIONS,
  type DownloadOptions,
  type DownloadPlace,
  type FetchedCheckpoint,
  fetchCheckpoint,
} from './hub.js';
import {
  denseOrderOf,
  detectLayout,
  isBuffer,
  LAYOUTS,
  type Layout,
  namingOf,
  versionOf,
} from './layouts/index.js';
import type {WeightSource} from './layouts/naming.js';
import {checkSkips} from './layouts/swin_unet.js';
import {checkStrict, checkVariant, checkVersion, type LoadReport} from './load_report.js';
import {openCheckpoint} from './open_checkpoint.js';
import {paddingNotes} from './padding_notes.js';
import {checkPrefix, type RenamedCheckpoint, renamedCheckpoint} from './renaming.js';
import {CHANNEL_ADAPTATIONS, type ChannelAdaptation, PATCH_KERNEL, resizing} from './resizing.js';
import {isHead, namesOf, windowsOf} from './weight_names.js';

export interface LoadWeightsOptions extends DownloadOptions {
  /** Whose names the checkpoint has; default 'auto', found by them. */
  layout?: Layout | 'auto';
  /**
   * What is before the names of the network in the checkpoint, for example `backbone.` in a detector's; other tensors are left
   * out. Default: found, where all names have it and it is one that training adds: `module.`, `_orig_mod.`, `model.`, ...
   */
  prefix?: string;
  /** Whether a weight without its like, on either side, is an error. Default true. */
  strict?: boolean;
  /**
   * What becomes of the kernel of the patches where the model has other input channels than the checkpoint: 'mean' gives
   * each the mean of the checkpoint's, times theirs / ours; 'repeat' repeats them, times theirs / ours, and sums them for
   * one channel, as timm does; 'new' leaves it as it is, and reports it as missing: for patches of a Swin-UNet that are made
   * of convolutions. Default: a CheckpointError.
   */
  adaptChannels?: ChannelAdaptation;
}

/** The names of the options. */
export const LOAD_OPTIONS = {
  layout: true,
  prefix: true,
  strict: true,
  adaptChannels: true,
  ...DOWNLOAD_OPTIONS,
} as const satisfies ArgumentNames<LoadWeightsOptions>;

/**
 * Loads a checkpoint, a safetensors file or one of torch.save, into any model whose weights it has: one of Swin V1 or V2 in
 * a published layout into a Swin Transformer or the encoder of a Swin-UNet, or what `saveWeights` wrote of any model into
 * the like. For a path in Node, see `loadWeights` of tfjs-swint/node.
 *
 * @param model A model of architectures/, or any with layers of this library.
 * @param source The file's bytes, the URL to fetch it from, as text too, or its name on a hub: 'hf:owner/name',
 *   'hf:owner/name@revision/file'.
 * @param options layout, strict, adaptChannels; signal, timeout, maxBytes, onProgress, cache, offline and endpoint for
 *   what is fetched.
 * @returns What was matched, resized, missing and unexpected. A head for other classes is reported as missing and is no
 *   error.
 * @throws ConfigError for an option that can never work. CheckpointError for a file that is damaged or cannot be fetched, a layout that is not found, a
 *   weight that does not fit, or, with `strict`, one that is missing or unexpected. The model is then as it was.
 */
export async function loadWeights(
  model: tfl.LayersModel,
  source: string | Uint8Array | URL,
  options: LoadWeightsOptions = {},
): Promise<LoadReport> {
  checkLoadOptions(options);
  return loadWeightsAt(undefined, model, source, options);
}

/** The same where downloads are kept at a place of their own. */
export async function loadWeightsAt(
  place: DownloadPlace | undefined,
  model: tfl.LayersModel,
  source: string | Uint8Array | URL,
  options: LoadWeightsOptions,
): Promise<LoadReport> {
  const fetched = await fetchedSource('loadWeights', source, options, place);
  return assignWeights(model, fetched.source, options);
}

/** A checkpoint of which only the bytes are known, or what else was fetched with it. */
export type GivenCheckpoint = {source: ByteSource} & Partial<FetchedCheckpoint>;

/** Bytes as they are given, or fetched. */
export async function fetchedSource(
  who: string,
  source: string | Uint8Array | URL,
  options: DownloadOptions = {},
  place?: DownloadPlace,
): Promise<GivenCheckpoint> {
  if (source instanceof Uint8Array) return {source: bytesSource(source)};
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new CheckpointError(
      `a checkpoint must be the file's bytes, a Uint8Array, or a URL; got ${showValue(source)}.`,
    );
  }
  const {signal, timeout, maxBytes, onProgress, cache, offline, endpoint} = options;
  return fetchCheckpoint(
    who,
    source,
    defined({signal, timeout, maxBytes, onProgress, cache, offline, endpoint}),
    place,
  );
}

/** The same as loadWeights from anything that reads bytes. */
export function assignWeights(
  model: tfl.LayersModel,
  source: ByteSource,
  options: LoadWeightsOptions = {},
): LoadReport {
  checkLoadOptions(options);
  return assignCheckpoint(model, renamedCheckpoint(openCheckpoint(source), options.prefix), options);
}

/** @throws ConfigError for an option that can never work. */
export function checkLoadOptions(options: LoadWeightsOptions): void {
  checkArguments('loadWeights', options, LOAD_OPTIONS);
  checkOptions('loadWeights', options);
}

/** @throws ConfigError for an unknown layout or way to adapt channels. */
export function checkOptions(who: string, options: LoadWeightsOptions): void {
  const {layout = 'auto', adaptChannels, prefix} = options;
  checkDownloadOptions(who, options);
  oneOf(who, 'layout', layout, ['auto', ...LAYOUTS]);
  if (prefix !== undefined) checkPrefix(who, prefix);
  if (adaptChannels !== undefined) oneOf(who, 'adaptChannels', adaptChannels, CHANNEL_ADAPTATIONS);
}

/** The layout of a checkpoint: the one that is said, or the one its names tell. */
export function layoutOf(file: Checkpoint, layout: Layout | 'auto' = 'auto'): Layout {
  const volumes = [...file.tensors.keys()].find((name) => /(^|\.)swinViT\./.test(name));
  if (volumes !== undefined) {
    throw new CheckpointError(
      `${file.name}: its names must be those of a Swin Transformer of images; got ${volumes}, of MONAI's SwinUNETR, whose ` +
        'windows and patches are of volumes (there is no such network here; train swinUNet on slices).',
    );
  }
  const found = layout === 'auto' ? detectLayout(new Set(file.tensors.keys())) : layout;
  if (found) return found;
  const some = [...file.tensors.keys()].slice(0, 3).join(', ');
  throw new CheckpointError(
    `${file.name}: its names must be those of a Swin Transformer; got ${some || 'none'} (give layout: one of ${LAYOUTS.join(', ')}; or the prefix that they have).`,
  );
}

/** A weight that the checkpoint has. */
interface Match {
  weight: tfl.LayerVariable;
  resized: boolean;
  read: () => Float32Array;
}

/** The same as assignWeights from a checkpoint that is open. */
export function assignCheckpoint(
  model: tfl.LayersModel,
  file: RenamedCheckpoint,
  {layout: given, strict = true, adaptChannels}: LoadWeightsOptions,
): LoadReport {
  const names = new Set(file.tensors.keys());
  const layout = layoutOf(file, given);
  const version = versionOf(names);
  checkVersion(file.name, version, versionOf(model.weights.map(({originalName}) => originalName)));
  if (layout === 'miziha') checkVariant(file.name, model);
  if (layout === 'swin-unet') checkSkips(file.name, model);
  const naming = namingOf(layout, version, denseOrderOf(file));
  const windows = windowsOf(model);
  const report: LoadReport = {
    layout,
    prefix: file.prefix,
    matched: [],
    resized: [],
    missing: [],
    unexpected: [],
    notes: [],
  };
  const used = new Map<string, string>();
  const matches: Match[] = [];
  for (const weight of model.weights) {
    const name = namesOf(weight);
    const {canonical} = name;
    const source = naming(name);
    for (const one of source?.names ?? []) {
      const other = used.get(one);
      if (other !== undefined && source?.third === undefined) {
        throw new CheckpointError(
          `${file.name}: each weight of the model must have a tensor of its own; got ${one} for ${other} and ` +
            `${canonical} (a model with that one layer takes it).`,
        );
      }
      used.set(one, canonical);
    }
    const options = {window: windows.get(weight), adaptChannels};
    const match = source && matchOf(file, weight, canonical, source, options);
    if (match) matches.push(match);
    report[match ? (match.resized ? 'resized' : 'matched') : 'missing'].push(canonical);
  }
  report.unexpected = [...names]
    .filter((name) => !used.has(name) && !isBuffer(name, names))
    .map((name) => file.original(name));
  report.notes = [
    ...paddingNotes(file, layout, model),
    ...(version === 'V2' ? coordinateNotes(file, layout, model) : []),
  ];
  if (strict) checkStrict(file.name, report);
  assign(matches);
  return report;
}

/** Reads everything, then assigns it. */
function assign(matches: readonly Match[]): void {
  const read = matches.map(({weight, read}) => ({weight, values: read()}));
  for (let next = read.pop(); next; next = read.pop()) {
    const tensor = tf.tensor(next.values, next.weight.shape as number[]);
    next.weight.write(tensor);
    tensor.dispose();
  }
}

/** How a weight is read in our order of axes and size, or undefined where there is none that fits. */
function matchOf(
  file: Checkpoint,
  weight: tfl.LayerVariable,
  canonical: string,
  {names, form, third}: WeightSource,
  options: {window?: [number, number]; adaptChannels?: ChannelAdaptation},
): Match | undefined {
  const model = weight.shape as number[];
  const [first, ...others] = names.map((name) => file.tensors.get(name)?.shape);
  if (!first || others.some((shape) => !shape)) return undefined;
  const rows = others.reduce((sum, shape) => sum + (shape?.[0] ?? 0), first[0]);
  const shape = first.length === 0 ? [] : [third === undefined ? rows : rows / 3, ...first.slice(1)];
  const read = () => readJoined(file, names, third);
  const {shape: turned, turn} = fromFile(form, shape, model);
  if (sameShape(turned, model)) return {weight, resized: false, read: () => turn(read())};
  const who = `${file.name}: ${names.join(', ')}`;
  const resize = resizing(canonical, turned, model, {who, ...options});
  if (resize) return {weight, resized: true, read: () => resize(turn(read()))};
  const isNew = options.adaptChannels === 'new' && canonical === PATCH_KERNEL;
  if (isHead(canonical) || isNew) return undefined;
  throw new CheckpointError(
    `${who} must fit ${canonical} ${showShape(model)}; got ${showShape(shape)} ` +
      '(another width, number of heads or window?).',
  );
}

/** Tensors one after the other along their first axis, or a third of that; never a view of the file's bytes. */
function readJoined(file: Checkpoint, names: readonly string[], third?: number): Float32Array {
  const parts = names.map((name) => file.values(name));
  if (parts.length === 1) {
    const [values] = parts;
    const size = third === undefined ? values.length : values.length / 3;
    if (size * 4 === values.buffer.byteLength) return values;
    return values.slice((third ?? 0) * size, ((third ?? 0) + 1) * size);
  }
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);
