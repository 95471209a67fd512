/**
 * What a checkpoint belongs to: the network, the data set, and the options that decide what is learnt. A training goes on
 * only where all three are the same; initial weights and the names of layers may differ, because neither has a part in it.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {showShape} from '../../kernels/common/shapes.js';
import {CheckpointError, ConfigError} from '../errors.js';
import {crc32} from './crc32.js';

export interface Identity {
  /** The function that trains. */
  trainer: string;
  /** Each layer as its class and a checksum of its settings. */
  layers: string[];
  /** A checksum of how the layers are connected. */
  connections: string;
  /** The shape of each weight. */
  weights: string[];
  /** What is known of the images without reading them. */
  data: Record<string, string | number>;
  /** The options that were given, as JSON. */
  options: Record<string, string>;
}

/** Options that decide nothing of what is learnt, and those that cannot be compared. */
const LEFT_OUT = new Set([
  ...['signal', 'onBatch', 'onTestBatch', 'onEpoch', 'callbacks', 'onBadImage', 'prefetch', 'testBatchSize'],
  ...['checkpoint', 'resume', 'optimizer', 'tile', 'overlap'],
]);

export function identityOf(
  trainer: string,
  model: tfl.LayersModel,
  data: Identity['data'],
  options: object,
): Identity {
  const names = new Map<string, string>();
  const layers = model.layers.map(
    (layer) => `${layer.getClassName()} ${checksum(withoutNames(layer.getConfig(), names))}`,
  );
  return {
    trainer,
    layers,
    connections: checksum(withoutNames(model.getConfig(), names)),
    weights: model.weights.map(({shape}) => showShape(shape)),
    data,
    options: optionsOf(options as {optimizer?: tf.Optimizer}),
  };
}

/** The name of a data set, of which a path may be the first part: what remains where that is given in another way. */
export const shortName = (name: string) => name.split(/[\\/]/).slice(-2).join('/');

/** A checksum of the labels, which a data set knows without reading an image. */
export function labelsChecksum(dataset: {size: number; label(index: number): number}): string {
  const labels = Int32Array.from({length: dataset.size}, (_, index) => dataset.label(index));
  return hex(crc32(new Uint8Array(labels.buffer)));
}

const hex = (number: number) => number.toString(16).padStart(8, '0');

const checksum = (value: unknown) => hex(crc32(new TextEncoder().encode(JSON.stringify(value))));

/** A configuration in which names are numbered as they come, without what decides the initial weights. */
function withoutNames(value: unknown, names: Map<string, string>): unknown {
  if (typeof value === 'string') return names.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => withoutNames(item, names));
  if (typeof value !== 'object' || value === null) return value;
  const {name} = value as {name?: unknown};
  if (typeof name === 'string' && !names.has(name)) names.set(name, `#${names.size}`);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !/initializer$/i.test(key))
      .map(([key, item]) => [key, withoutNames(item, names)]),
  );
}

function optionsOf(options: {optimizer?: tf.Optimizer}): Record<string, string> {
  const given = Object.entries(options).filter(([key, value]) => !LEFT_OUT.has(key) && value !== undefined);
  const texts = given.map(([key, value]) => [key, asText(value)]);
  const {optimizer} = options;
  if (optimizer) {
    // Its rate changes from step to step.
    const {learningRate: _, ...config} = optimizer.getConfig();
    texts.push(['optimizer', `${optimizer.getClassName()} ${asText(config)}`]);
  }
  return Object.fromEntries(texts);
}

/** A function is only known to be one. */
const asText = (value: unknown): string =>
  JSON.stringify(value, (_, part) => {
    if (typeof part === 'function') return 'a function';
    return typeof part === 'number' && !Number.isFinite(part) ? String(part) : part;
  });

/**
 * @param name the checkpoint in messages.
 * @throws CheckpointError where it belongs to another trainer, network or data set; ConfigError for another option.
 */
export function checkIdentity(who: string, name: string, saved: Identity, now: Identity): void {
  const refuse = (what: string, difference: string): never => {
    throw new CheckpointError(
      `${who}: the checkpoint must be of this ${what}; got ${name}, ${difference} ` +
        `(give the ${what} that it was made with, or another place for checkpoints).`,
    );
  };
  if (saved.trainer !== now.trainer) refuse('trainer', `which ${saved.trainer} wrote`);
  const differing = now.layers.findIndex((layer, i) => layer !== saved.layers[i]);
  if (saved.layers.length !== now.layers.length || saved.weights.length !== now.weights.length) {
    const count = ({layers, weights}: Identity) => `${layers.length} layers and ${weights.length} weights`;
    refuse('network', `of one with ${count(saved)}, where this has ${count(now)}`);
  }
  if (differing >= 0) {
    const [before, after] = [saved.layers[differing], now.layers[differing]].map(
      (layer) => layer.split(' ')[0],
    );
    const got = before === after ? `${before} with other settings` : `${before}, where this has ${after}`;
    refuse('network', `in which layer ${differing + 1} of ${now.layers.length} is ${got}`);
  }
  const weight = now.weights.findIndex((shape, i) => shape !== saved.weights[i]);
  if (weight >= 0) {
    refuse('network', `in which a weight is ${saved.weights[weight]}, where this has ${now.weights[weight]}`);
  }
  if (saved.connections !== now.connections) refuse('network', 'whose layers are connected in another way');
  const fact = firstDifference(saved.data, now.data);
  if (fact) refuse('data set', `made with ${fact.key} ${fact.saved ?? 'none'}, where this has ${fact.now}`);
  const option = firstDifference(saved.options, now.options);
  if (!option) return;
  throw new ConfigError(
    `${who}: to go on, ${option.key} must be as in ${name}, ${option.saved ?? 'not given'}; ` +
      `got ${option.now ?? 'none'} (leave it as it was, or train anew in another place).`,
  );
}

function firstDifference<T>(saved: Record<string, T>, now: Record<string, T>) {
  const keys = new Set([...Object.keys(now), ...Object.keys(saved)]);
  const key = [...keys].find((one) => saved[one] !== now[one]);
  return key === undefined ? undefined : {key, saved: saved[key], now: now[key]};
}
