/** The options of `tfjs-swint train`: each with its rule, its default and its help; and the settings that follow from them. */
import {onOff, option, type Values} from './options.js';
import {FOLDER_DEFAULTS as FOLDER, SHAPES_DEFAULTS as SHAPES} from './train_defaults.js';
import {UsageError} from './usage_error.js';
import {belowOne, count, fromZero, listOf, oneOf, path, positive, whole} from './values.js';

export type NetworkKind = 'swin' | 'conv';

export const DATA = {
  data: option(
    'DIR',
    path('a folder'),
    null,
    'a folder with one folder of images per class (or train/ and test/ of those), or with the binary files ' +
      'of CIFAR-10 or CIFAR-100',
    'drawn shapes',
  ),
  imageSize: option(
    'N',
    count,
    null,
    'pixels of a side',
    `${SHAPES.imageSize} for shapes, for a folder its images' usual size, at most 64`,
  ),
  limit: option('N', count, null, 'training images, balanced by class', `all (${SHAPES.trainImages} shapes)`),
  testLimit: option('N', count, null, 'test images, balanced by class', `all (${SHAPES.testImages} shapes)`),
  badImages: option('fail|skip', oneOf(['fail', 'skip']), 'fail', 'what an unreadable image does', 'fail'),
  flip: onOff('mirror half of the training images', 'on, for shapes off'),
  crop: option('N', whole, 0, 'random crop of the image padded by N pixels'),
};

export const NETWORKS = {
  model: option(
    'swin|conv|both',
    oneOf(['swin', 'conv', 'both']),
    'both',
    'which network; both means one after the other',
  ),
  depth: option(
    'N',
    count,
    null,
    'layers: 10, 14, 20, 29 (for small images) or 50, 101, 152 (for 224 pixels)',
    '14',
  ),
  widths: option(
    'N,N,...',
    listOf(count),
    null,
    "width of each stage's blocks",
    `the network's own (shapes ${SHAPES.widths.join(',')})`,
  ),
  window: option('N', count, null, 'window of the attention', "the network's own"),
  dropPath: option('RATE', belowOne, 0, 'stochastic depth of the SwinT layers, in [0, 1)'),
};

export const TRAINING = {
  epochs: option(
    'N',
    count,
    null,
    'passes over the training images',
    `${FOLDER.epochs} (shapes ${SHAPES.epochs})`,
  ),
  stepsPerEpoch: option(
    'N',
    count,
    null,
    'steps that count as an epoch',
    `one pass (shapes ${SHAPES.stepsPerEpoch})`,
  ),
  batchSize: option('N', count, null, 'images per step', `${FOLDER.batchSize} (shapes ${SHAPES.batchSize})`),
  learningRate: option('RATE', fromZero, 0.003, 'highest rate'),
  weightDecay: option('RATE', fromZero, 0.05, "AdamW's"),
  labelSmoothing: option('S', belowOne, 0, 'in [0, 1)'),
  warmup: option('EPOCHS', fromZero, null, 'linear warm-up, fractions allowed', 'a twentieth of the epochs'),
  seed: option('N', whole, 0, 'decides data, order and weights'),
  maxMinutes: option(
    'N',
    positive,
    null,
    'training time over all networks; then it stops, evaluates and saves, the learning rate having fallen with the time',
    'none',
  ),
};

const BACKENDS = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;

export const MACHINE = {
  backend: option('NAME', oneOf(BACKENDS), null, 'tensorflow, webgpu, wasm or cpu', 'the best that works'),
  threads: option('N', count, null, 'threads of the wasm backend', 'all cores'),
};

export const OUTPUT = {
  out: option('DIR', path('a folder'), null, 'where models, history and report go', 'runs/<date-time>'),
  checkpointSeconds: option(
    'N',
    fromZero,
    60,
    'seconds from one checkpoint to the next, in --out until the run has ended; 0 for none',
  ),
  resume: option(
    'DIR',
    path('a folder'),
    null,
    'go on with the run whose --out was DIR, with its settings, after Ctrl-C or whatever stopped it',
  ),
};

/** The options as they were given. */
export type TrainOptions = Values<
  typeof DATA & typeof NETWORKS & typeof TRAINING & typeof MACHINE & typeof OUTPUT
>;

/** Everything the command needs; null where the data decide. */
export type TrainSettings = ReturnType<typeof settingsOf>;

/** The settings with the defaults that depend on the data or on another option. */
export function settingsOf({model, resume: _, ...options}: TrainOptions, now: Date) {
  const defaults = options.data === null ? SHAPES : FOLDER;
  const epochs = options.epochs ?? defaults.epochs;
  if (options.warmup !== null && options.warmup >= epochs) {
    throw new UsageError(`train: --warmup must be less than --epochs (${epochs}); got ${options.warmup}.`);
  }
  const networks: NetworkKind[] = model === 'both' ? ['swin', 'conv'] : [model];
  // The widths of the drawn shapes are for the network that is theirs by default too.
  const widths = options.depth === null && defaults.widths !== null ? [...defaults.widths] : null;
  return {
    ...options,
    networks,
    epochs,
    flip: options.flip ?? defaults.flip,
    depth: options.depth ?? 14,
    widths: options.widths ?? widths,
    stepsPerEpoch: options.stepsPerEpoch ?? defaults.stepsPerEpoch,
    batchSize: options.batchSize ?? defaults.batchSize,
    out: options.out ?? `runs/${timestamp(now)}`,
  };
}

/** Options of a run that goes on which may be others than before; they decide nothing of what is learnt. */
const FREE = ['backend', 'threads', 'checkpointSeconds'] as const;

/**
 * The settings of a run that goes on.
 *
 * @param saved the run's settings.
 * @param given the names of the options that are on the command line.
 * @throws UsageError where one of them says other than the run's settings.
 */
export function resumedSettings(
  saved: TrainSettings,
  options: TrainOptions,
  given: readonly (keyof TrainOptions)[],
): TrainSettings {
  const {data, epochs} = saved;
  const now = settingsOf(
    {...options, data: options.data ?? data, epochs: options.epochs ?? epochs},
    new Date(),
  );
  const settings = {...saved};
  if (given.includes('checkpointSeconds') && options.checkpointSeconds === 0) {
    throw new UsageError('train: with --resume, --checkpoint-seconds must be above 0; got 0 (leave it out).');
  }
  for (const name of given) {
    if (name === 'resume') continue;
    if (FREE.includes(name as (typeof FREE)[number])) {
      Object.assign(settings, {[name]: options[name]});
      continue;
    }
    const key = name === 'model' ? 'networks' : name;
    const [before, after] = [saved[key], now[key]].map((value) => JSON.stringify(value));
    if (before === after) continue;
    throw new UsageError(
      `train: with --resume, ${flagOf(name)} must be as in the run, ${before}; got ${after} (leave it out, or train ` +
        'anew with another --out).',
    );
  }
  return settings;
}

const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Local date and time, fit for a directory name and sorting as text: 2026-11-20-153000. */
export function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
