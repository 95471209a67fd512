/**
 * The graph of layers in a topology of Keras or tfjs, checked before tfjs builds it: tfjs goes through the layers again and
 * again until each has got its inputs, for ever where a layer waits for itself, for one that waits for it, or for one that is
 * not there.
 *
 *     layer          {name, class_name, config, inbound_nodes: [call, ..]}
 *     call           [[name of a layer, number of its call, number of the output, arguments?], ..]
 *
 * A layer of the class InputLayer and a model with inputs count as called once before anything is.
 *
 * Source: tensorflow/tfjs, tfjs-layers/src/engine/container.ts, fromConfig.
 */

import {CheckpointError} from '../errors.js';
import {isSize} from './is_size.js';

/** Looks at layers; a model of a thousand layers in the usual order needs a thousand. */
const MOST_STEPS = 1e7;
/** Models within models. */
const MOST_LEVELS = 50;

type Fail = (rule: string, got: string) => CheckpointError;
type Config = Record<string, unknown>;

interface GraphLayer {
  name: string;
  /** Calls that are made. */
  made: number;
  /** Calls to make: for each input the layer that it comes from and which of its calls. */
  waiting: Input[][];
}

type Input = [from: string, call: number];

const isObject = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value as it is printed: short. */
const shown = (value: unknown) => (JSON.stringify(value) ?? 'none').slice(0, 80);

/** Keras writes names with underscores, and tfjs reads both kinds. */
const field = (config: Config, name: string, camelCase: string) => config[name] ?? config[camelCase];

/**
 * @param who The loader and its file, for messages.
 * @throws CheckpointError for a graph that cannot be built, in the model itself or in one within it.
 */
export function checkTopology(who: string, topology: unknown): void {
  const fail: Fail = (rule, got) => new CheckpointError(`${who}: the topology ${rule}; got ${got}.`);
  checkWithin(topology, fail, 0);
}

/** Looks for models in any value: they stand in the configurations of layers and of what wraps them. */
function checkWithin(value: unknown, fail: Fail, levels: number): void {
  // JSON.parse itself knows no limit, and a recursion has one.
  if (levels > 20 * MOST_LEVELS) throw fail(`must have at most ${MOST_LEVELS} models in one another`, 'more');
  if (Array.isArray(value)) {
    for (const item of value) checkWithin(item, fail, levels + 1);
  } else if (isObject(value)) {
    // The layers of a Sequential have no calls.
    if (Array.isArray(value.layers) && value.layers.some(hasCalls)) checkGraph(value.layers, fail);
    for (const item of Object.values(value)) checkWithin(item, fail, levels + 1);
  }
}

const hasCalls = (layer: unknown) =>
  isObject(layer) && field(layer, 'inbound_nodes', 'inboundNodes') !== undefined;

/** Makes the calls as tfjs does, without the layers. */
function checkGraph(configs: readonly unknown[], fail: Fail): void {
  const layers = new Map<string, GraphLayer>();
  for (const config of configs) {
    const layer = readLayer(config, fail);
    if (layers.has(layer.name)) throw fail('must name every layer once', `${shown(layer.name)} twice`);
    layers.set(layer.name, layer);
  }
  const ready = ([from, call]: Input) => (layers.get(from)?.made ?? 0) > call;
  let left = [...layers.values()].filter(({waiting}) => waiting.length > 0);
  for (let steps = 0; left.length > 0; ) {
    let progress = false;
    for (const layer of left) {
      const still = layer.waiting.filter((inputs) => !inputs.every(ready));
      steps += layer.waiting.length;
      // A call without inputs is passed over.
      layer.made += layer.waiting.filter((inputs) => inputs.length > 0).length - still.length;
      progress ||= still.length < layer.waiting.length;
      layer.waiting = still;
    }
    left = left.filter(({waiting}) => waiting.length > 0);
    if (!progress) throw waitsForEver(left, ready, fail);
    if (steps > MOST_STEPS) throw fail('must name layers after those that feed them', 'the reverse');
  }
}

/** Names the layer whose input is at fault: itself, one that is not there, or one that is done; else any in the circle. */
function waitsForEver(left: readonly GraphLayer[], ready: (input: Input) => boolean, fail: Fail): Error {
  const names = new Set(left.map(({name}) => name));
  const all = left.flatMap(({name, waiting}) =>
    waiting.flatMap((inputs) => inputs.filter((input) => !ready(input)).map((input) => ({name, input}))),
  );
  const {name, input} = all.find(({name, input: [from]}) => from === name || !names.has(from)) ?? all[0];
  return fail(
    'must feed every layer from the inputs on',
    `${shown(name)}, which waits for ${shown(input)} for ever (a layer or a call that is not there, or a circle)`,
  );
}

function readLayer(config: unknown, fail: Fail): GraphLayer {
  if (!isObject(config) || typeof config.name !== 'string' || config.name === '__proto__') {
    throw fail('must give every layer a name', shown(config));
  }
  const {name} = config;
  const own = isObject(config.config) ? config.config : {};
  if (own.name !== name) {
    throw fail(`must give layer ${shown(name)} the same name in its config`, shown(own.name));
  }
  const nodes = field(config, 'inbound_nodes', 'inboundNodes');
  if (!Array.isArray(nodes) || !nodes.every(isCall)) {
    throw fail(
      `must give layer ${shown(name)} inbound_nodes of [layer, call, output]`,
      `${shown(nodes)} (Keras 3 writes others: save with tf_keras, Keras 2)`,
    );
  }
  return {
    name,
    made: isCalledFirst(config) ? 1 : 0,
    waiting: nodes.map((inputs) => inputs.map(([from, call]) => [from, call])),
  };
}

type Call = [string, number, number, ...unknown[]][];

function isCall(node: unknown): node is Call {
  return (
    Array.isArray(node) &&
    node.every(
      (input) => Array.isArray(input) && typeof input[0] === 'string' && isSize(input[1]) && isSize(input[2]),
    )
  );
}

/** Whether a layer has a call without any being made: inputs, and models that know theirs. */
function isCalledFirst(layer: unknown, levels = 0): boolean {
  if (!isObject(layer) || levels > MOST_LEVELS) return false;
  const className = field(layer, 'class_name', 'className');
  const config = isObject(layer.config) ? layer.config : {};
  if (className === 'InputLayer') return true;
  if (className !== 'Sequential') return Array.isArray(config.layers);
  const layers = Array.isArray(layer.config) ? layer.config : config.layers;
  const [first] = Array.isArray(layers) ? layers : [];
  const own = isObject(first) && isObject(first.config) ? first.config : {};
  const shape = field(own, 'batch_input_shape', 'batchInputShape') ?? field(own, 'input_shape', 'inputShape');
  return shape != null || isCalledFirst(first, levels + 1);
}
