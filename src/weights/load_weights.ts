/**
 * Puts the weights of a published checkpoint into a Swin Transformer.
 *
 * Every weight of the model is looked up under its name in the checkpoint's layout (layouts.ts), turned from PyTorch's
 * order of axes, and, where it is of another size, resized as its kind allows: a bias table of another window is
 * interpolated bicubically; a head for other classes stays as it is. Nothing is assigned before everything fits.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError, ConfigError} from '../errors.js';
import {resizeBiasTable} from './bias_table.js';
import {BUFFERS, detectLayout, LAYOUTS, type Layout, sourceOf, type Version, versionOf} from './layouts.js';
import {type ByteSource, bytesSource, openSafetensors, type Safetensors} from './safetensors.js';

export interface LoadWeightsOptions {
  /** Whose names the checkpoint has; default 'auto', found by them. */
  layout?: Layout | 'auto';
  /** Whether a weight without its like, on either side, is an error. Default true. */
  strict?: boolean;
}

/** What became of the weights, by the names of the model and, for `unexpected`, of the checkpoint. */
export interface LoadReport {
  layout: Layout;
  matched: string[];
  /** Of another size, resized. */
  resized: string[];
  /** Not in the checkpoint, or of a size that cannot be resized: left as they were. */
  missing: string[];
  /** In the checkpoint, and of no use to the model. */
  unexpected: string[];
}

/** Our name of a weight: that of microsoft. */
export function canonicalName(weight: {originalName: string}): string {
  return weight.originalName
    .replace('/', '.')
    .replace(/^head\.kernel$/, 'head.weight')
    .replace(/^absolute_pos\./, '');
}

interface Assigned {
  values: Float32Array;
  resized: boolean;
}

/**
 * Loads a safetensors checkpoint of Swin V1 or V2. For a path in Node, see `loadWeights` of tfjs-swint/node.
 *
 * @param model A model of architectures/swin_transformer.
 * @param source The file's bytes, or the URL to fetch it from.
 * @returns What was matched, resized, missing and unexpected. A head for other classes is reported as missing and is no
 *   error.
 * @throws CheckpointError for a damaged file, a layout that is not found, a weight that does not fit, or, with `strict`,
 *   one that is missing or unexpected. The model is then as it was.
 */
export async function loadWeights(
  model: tfl.LayersModel,
  source: Uint8Array | URL,
  options: LoadWeightsOptions = {},
): Promise<LoadReport> {
  if (source instanceof Uint8Array) return assignWeights(model, bytesSource(source), options);
  const response = await fetch(source);
  if (!response.ok) {
    throw new CheckpointError(`loadWeights: ${source} must be there; got status ${response.status}.`);
  }
  return assignWeights(
    model,
    bytesSource(new Uint8Array(await response.arrayBuffer()), source.href),
    options,
  );
}

/** The same from anything that reads bytes. */
export function assignWeights(
  model: tfl.LayersModel,
  source: ByteSource,
  {layout = 'auto', strict = true}: LoadWeightsOptions = {},
): LoadReport {
  if (layout !== 'auto' && !LAYOUTS.includes(layout)) {
    throw new ConfigError(`loadWeights: layout must be one of auto, ${LAYOUTS.join(', ')}; got ${layout}.`);
  }
  const file = openSafetensors(source);
  const names = new Set(file.tensors.keys());
  const found = layout === 'auto' ? detectLayout(names) : layout;
  if (!found) {
    const some = [...names].slice(0, 3).join(', ');
    throw new CheckpointError(
      `${source.name}: its names must be those of a Swin Transformer; got ${some || 'none'} (give the layout).`,
    );
  }
  const version = checkVersion(source.name, model, names);
  const report: LoadReport = {layout: found, matched: [], resized: [], missing: [], unexpected: []};
  const used = new Set<string>();
  const assigned = new Map<tfl.LayerVariable, Assigned>();
  for (const weight of model.weights) {
    const name = canonicalName(weight);
    const given = sourceOf(name, found, version);
    for (const one of given.names) used.add(one);
    const value = readWeight(source.name, file, name, weight.shape as number[], given);
    if (!value) {
      report.missing.push(name);
    } else {
      assigned.set(weight, value);
      report[value.resized ? 'resized' : 'matched'].push(name);
    }
  }
  report.unexpected = [...names].filter((name) => !used.has(name) && !BUFFERS.test(name));
  if (strict) checkStrict(source.name, report);
  for (const [weight, {values}] of assigned) {
    const tensor = tf.tensor(values, weight.shape as number[]);
    weight.write(tensor);
    tensor.dispose();
  }
  return report;
}

/** Both versions have weights of the same names and other sizes: said first, the reason is clear. */
function checkVersion(who: string, model: tfl.LayersModel, names: ReadonlySet<string>): Version {
  const [theirs, ours] = [versionOf(names), versionOf(model.weights.map(canonicalName))];
  if (theirs === ours) return ours;
  throw new CheckpointError(
    `${who}: the checkpoint must be of Swin ${ours} as the model is; got one of ${theirs} (variant: '${theirs.toLowerCase()}').`,
  );
}

const isHead = (name: string) => /^head\./.test(name);

function checkStrict(who: string, {missing, unexpected}: LoadReport): void {
  const lost = missing.filter((name) => !isHead(name));
  if (lost.length > 0) {
    throw new CheckpointError(
      `${who}: every weight of the model must be in the checkpoint; ${lost.length} are not, ${lost[0]} first ` +
        '(another architecture or variant? strict: false leaves them as they are).',
    );
  }
  const extra = unexpected.filter((name) => !/^(head|classifier)\./.test(name));
  if (extra.length > 0) {
    throw new CheckpointError(
      `${who}: every tensor of the checkpoint must belong to the model; ${extra.length} do not, ${extra[0]} first ` +
        '(another architecture or variant? strict: false leaves them out).',
    );
  }
}

/** A weight in our order of axes, or undefined where there is none that fits. */
function readWeight(
  who: string,
  file: Safetensors,
  name: string,
  shape: number[],
  {names, third}: {names: string[]; third?: number},
): Assigned | undefined {
  const entries = names.map((one) => file.tensors.get(one));
  if (entries.some((entry) => !entry)) return undefined;
  const first = entries[0] as {shape: readonly number[]};
  let theirs = [entries.reduce((sum, entry) => sum + (entry?.shape[0] ?? 0), 0), ...first.shape.slice(1)];
  const read = () => {
    const parts = names.map((one) => file.values(one));
    const joined = parts.length === 1 ? parts[0] : joinParts(parts);
    if (third === undefined) return joined;
    const size = joined.length / 3;
    return joined.slice(third * size, (third + 1) * size);
  };
  if (third !== undefined) theirs = [theirs[0] / 3, ...theirs.slice(1)];
  const turned = ourOrder(name, theirs);
  if (sameShape(turned.shape, shape)) return {values: turned.turn(read()), resized: false};
  if (/relative_position_bias_table$/.test(name) && theirs.length === 2 && theirs[1] === shape[1]) {
    const values = resizeBiasTable(read(), theirs as [number, number], shape as [number, number]);
    if (values) return {values, resized: true};
  }
  if (isHead(name)) return undefined;
  throw new CheckpointError(
    `${who}: ${names.join(', ')} must fit ${name} [${shape.join(', ')}]; got [${theirs.join(', ')}] ` +
      '(another width, number of heads or window?).',
  );
}

function joinParts(parts: Float32Array[]): Float32Array {
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

/** The axes of a PyTorch weight in our order: matrices transposed, convolutions [out, C, p, p] to [p, p, C, out]. */
export function ourOrder(
  name: string,
  shape: readonly number[],
): {shape: number[]; turn: (values: Float32Array) => Float32Array} {
  if (shape.length === 2 && !/relative_position_bias_table$/.test(name)) {
    const [rows, columns] = shape;
    return {shape: [columns, rows], turn: (values) => permuted(values, [rows, columns], [1, 0])};
  }
  if (shape.length === 4 && /proj\.weight$/.test(name)) {
    const [out, channels, height, width] = shape;
    return {
      shape: [height, width, channels, out],
      turn: (values) => permuted(values, [out, channels, height, width], [2, 3, 1, 0]),
    };
  }
  return {shape: [...shape], turn: (values) => values};
}

/** A copy with its axes in another order. */
export function permuted(values: Float32Array, shape: number[], order: number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const result = new Float32Array(values.length);
  const sizes = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  const last = sizes.length - 1;
  const index = sizes.map(() => 0);
  let at = 0;
  for (let i = 0; i < result.length; ) {
    for (let j = 0; j < sizes[last]; j++) result[i++] = values[at + j * steps[last]];
    let axis = last - 1;
    while (axis >= 0 && ++index[axis] === sizes[axis]) {
      at -= (sizes[axis] - 1) * steps[axis];
      index[axis--] = 0;
    }
    if (axis < 0) break;
    at += steps[axis];
  }
  return result;
}
