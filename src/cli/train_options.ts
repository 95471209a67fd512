/** The command line of `tfjs-swint train`, read and checked. */
import type {BackendName} from '../backends/setup_backend.js';
import {BELOW_ONE, COUNT, FROM_ZERO, type NumberRule, optionsOf, POSITIVE, WHOLE} from './options.js';
import {UsageError} from './usage_error.js';

/**
 * The drawn shapes of a run without options, sized so that it ends within three minutes on two cores on the wasm
 * backend. No image is seen twice: drawing new ones costs less than a step, and nothing can be learnt by heart.
 */
export const SHAPES_DEFAULTS = {
  imageSize: 32,
  trainImages: 16_000,
  testImages: 300,
  epochs: 5,
  stepsPerEpoch: 200,
  batchSize: 16,
  learningRate: 0.003,
  widths: [16, 32, 64],
} as const;

export type NetworkKind = 'swin' | 'conv';

/** Everything the command needs, defaults filled in; null where the default depends on the data. */
export interface TrainCommand {
  help: boolean;
  data: string | null;
  imageSize: number | null;
  limit: number | null;
  testLimit: number | null;
  badImages: 'fail' | 'skip';
  flip: boolean;
  crop: number;
  networks: NetworkKind[];
  depth: number;
  widths: number[] | null;
  window: number | null;
  dropPath: number;
  epochs: number;
  stepsPerEpoch: number | null;
  batchSize: number;
  learningRate: number;
  weightDecay: number;
  labelSmoothing: number;
  warmup: number | null;
  seed: number;
  maxMinutes: number | null;
  backend: BackendName | null;
  threads: number | null;
  out: string;
}

const text = {type: 'string'} as const;
const flag = {type: 'boolean'} as const;

const OPTIONS = {
  help: flag,
  data: text,
  'image-size': text,
  limit: text,
  'test-limit': text,
  'bad-images': text,
  flip: flag,
  crop: text,
  model: text,
  depth: text,
  widths: text,
  window: text,
  'drop-path': text,
  epochs: text,
  'steps-per-epoch': text,
  'batch-size': text,
  'learning-rate': text,
  'weight-decay': text,
  'label-smoothing': text,
  warmup: text,
  seed: text,
  'max-minutes': text,
  backend: text,
  threads: text,
  out: text,
} as const;

/**
 * @param args What follows `train`.
 * @throws UsageError naming the option, what it must be and what came.
 */
export function parseTrainCommand(args: readonly string[], now: Date = new Date()): TrainCommand {
  const {values, parseNumber, choice} = read(args);
  const number = (name: NumericOption, rule: NumberRule): number | null =>
    values[name] === undefined ? null : parseNumber(name, values[name], rule);
  const data = values.data ?? null;
  const epochs = number('epochs', COUNT) ?? (data === null ? SHAPES_DEFAULTS.epochs : 10);
  const warmup = number('warmup', FROM_ZERO);
  if (warmup !== null && warmup >= epochs) {
    throw new UsageError(`train: --warmup must be less than --epochs (${epochs}); got ${warmup}.`);
  }
  const model = choice('model', values.model ?? 'both', ['swin', 'conv', 'both']);
  const backend = values.backend === undefined ? null : choice('backend', values.backend, BACKENDS);
  return {
    help: values.help ?? false,
    data,
    imageSize: number('image-size', COUNT),
    limit: number('limit', COUNT),
    testLimit: number('test-limit', COUNT),
    badImages: choice('bad-images', values['bad-images'] ?? 'fail', ['fail', 'skip']),
    flip: values.flip ?? data !== null,
    crop: number('crop', WHOLE) ?? 0,
    networks: model === 'both' ? ['swin', 'conv'] : [model],
    depth: number('depth', COUNT) ?? 14,
    widths: widthsOf(values, parseNumber),
    window: number('window', COUNT),
    dropPath: number('drop-path', BELOW_ONE) ?? 0,
    epochs,
    stepsPerEpoch: number('steps-per-epoch', COUNT) ?? (data === null ? SHAPES_DEFAULTS.stepsPerEpoch : null),
    batchSize: number('batch-size', COUNT) ?? (data === null ? SHAPES_DEFAULTS.batchSize : 64),
    learningRate: number('learning-rate', FROM_ZERO) ?? (data === null ? SHAPES_DEFAULTS.learningRate : 3e-3),
    weightDecay: number('weight-decay', FROM_ZERO) ?? 0.05,
    labelSmoothing: number('label-smoothing', BELOW_ONE) ?? 0,
    warmup,
    seed: number('seed', WHOLE) ?? 0,
    maxMinutes: number('max-minutes', POSITIVE),
    backend,
    threads: number('threads', COUNT),
    out: values.out ?? `runs/${timestamp(now)}`,
  };
}

/** The widths given, or those of the drawn shapes where the network is theirs by default too. */
function widthsOf({widths, data, depth}: Values, parseNumber: Options['parseNumber']): number[] | null {
  if (widths !== undefined) return widths.split(',').map((width) => parseNumber('widths', width, COUNT));
  return data === undefined && depth === undefined ? [...SHAPES_DEFAULTS.widths] : null;
}

const BACKENDS = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;

const read = (args: readonly string[]) => optionsOf('train', args, OPTIONS);

type Options = ReturnType<typeof read>;
type Values = Options['values'];
type NumericOption = Exclude<keyof Values, 'help' | 'flip'>;

/** Local date and time, fit for a directory name and sorting as text: 2026-11-20-153000. */
function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
