/**
 * The options of `tfjs-swint train --task segment`: each with its rule, its default and its help; and the settings that follow
 * from them. The networks are a Swin-UNet, pure or with convolutions at the finer resolutions (the hybrid).
 */
import {MASKS} from './mask_options.js';
import {onOff, option, type Values} from './options.js';
import {keptSettings} from './resumed_settings.js';
import {CHECKPOINTS, type MACHINE, timestamp} from './train_settings.js';
import {UsageError} from './usage_error.js';
import {count, fromZero, listOf, oneOf, path, positive, type Reader, whole} from './values.js';

/** Channels of an attention head. */
const HEAD_CHANNELS = 16;

/** What the networks are where the options do not say. */
const NETWORKS = {
  hybrid: {
    ...{patch: 8, width: 64, depths: [2, 2]},
    convolutions: [
      [16, 16],
      [32, 32],
      [64, 64],
    ],
  },
  swin: {patch: 4, width: 48, depths: [2, 2, 2], convolutions: []},
} as const;

const KINDS = Object.keys(NETWORKS) as (keyof typeof NETWORKS)[];

const words = (network: keyof typeof NETWORKS, key: 'patch' | 'width' | 'depths') =>
  `${NETWORKS[network][key]}`;
const shown = (key: 'patch' | 'width' | 'depths') => `${words('hybrid', key)} (swin ${words('swin', key)})`;

/** Lists with strokes between: 16,16/32,32. */
const levels: Reader<number[][]> = (given, refuse) =>
  given.split('/').map((level) => listOf(count)(level, refuse));

export const TASK = {
  task: option(
    'classify|segment',
    oneOf(['classify', 'segment']),
    'classify',
    'what is learnt, the classes of images or of their pixels; train --task segment --help has its options',
  ),
};

export const SEGMENT_DATA = {
  data: option(
    'DIR',
    path('a folder'),
    null,
    'a folder of images and a folder of masks in it',
    'none: it must be given',
  ),
  classes: option(
    'NAME,NAME,...',
    listOf(path('the name of a class')),
    null,
    "names of the classes, for the masks' values from dark to light",
    'none: they must be given',
  ),
  background: option(
    'NAME',
    path('the name of a class'),
    null,
    'the class that pictures leave uncoloured',
    'the first',
  ),
  border: option(
    'NAME',
    path('the name of a class'),
    null,
    'the class that parts segments, as membranes part cells, for the Rand score',
    'none',
  ),
  ...MASKS,
};

export const SEGMENT_NETWORK = {
  model: option(
    'hybrid|swin',
    oneOf(KINDS),
    'hybrid',
    'a Swin-UNet with convolutions at the finer resolutions, or a pure one',
  ),
  width: option(
    'N',
    count,
    null,
    `channels of the first stage, a multiple of ${HEAD_CHANNELS}`,
    shown('width'),
  ),
  depths: option('N,N,...', listOf(count), null, 'blocks of the stages, even', shown('depths')),
  patch: option('N', count, null, 'pixels of the side of a patch', shown('patch')),
  window: option('N', count, 8, 'window of the attention'),
  convolutions: option(
    'N,N/N,N/...',
    levels,
    null,
    "the hybrid's widths of convolutions at the full resolution, at a half and so on",
    NETWORKS.hybrid.convolutions.join('/'),
  ),
};

export const SEGMENT_TRAINING = {
  epochs: option('N', count, 10, 'times to train, and then to test'),
  stepsPerEpoch: option('N', count, 50, 'steps that count as an epoch'),
  batchSize: option('N', count, 4, 'crops per step'),
  crop: option('N', count, 128, 'side of the squares taken at random places of the images'),
  flip: onOff('mirror half of the crops', 'on'),
  rotate: onOff('turn the crops by 0, 90, 180 or 270 degrees', 'on'),
  learningRate: option('RATE', fromZero, 0.001, 'highest rate'),
  weightDecay: option('RATE', fromZero, 0.05, "AdamW's"),
  warmup: option('EPOCHS', fromZero, null, 'linear warm-up, fractions allowed', 'a twentieth of the epochs'),
  seed: option('N', whole, 0, 'decides held-out images, crops and weights'),
  maxMinutes: option(
    'N',
    positive,
    null,
    'training time; then it stops, evaluates and saves, the learning rate having fallen with the time',
    'none',
  ),
};

export const SEGMENT_OUTPUT = {
  out: option(
    'DIR',
    path('a folder'),
    null,
    'where model, pictures, history and report go',
    'runs/<date-time>',
  ),
  ...CHECKPOINTS,
};

/** The options as they were given. */
export type SegmentOptions = Values<
  typeof SEGMENT_DATA &
    typeof SEGMENT_NETWORK &
    typeof SEGMENT_TRAINING &
    typeof MACHINE &
    typeof SEGMENT_OUTPUT
>;

/** Everything the command needs. */
export type SegmentSettings = ReturnType<typeof segmentSettings>;

/** Whether a command line is of `train --task segment`, which has options of its own. */
export function wantsSegmentation(args: readonly string[]): boolean {
  const at = args.indexOf('--task');
  return args.includes('--task=segment') || (at >= 0 && args[at + 1] === 'segment');
}

/** The settings with the defaults that depend on another option. */
export function segmentSettings({data, classes, resume: _, ...options}: SegmentOptions, now: Date) {
  const help = '(tfjs-swint train --task segment --help)';
  if (data === null) {
    throw new UsageError(`train: --data must be a folder of images and masks; got nothing ${help}.`);
  }
  if (classes === null) {
    throw new UsageError(`train: --classes must be the names of the masks' classes; got nothing ${help}.`);
  }
  for (const name of ['background', 'border'] as const) {
    const given = options[name];
    if (given === null || classes.includes(given)) continue;
    throw new UsageError(`train: --${name} must be one of ${classes.join(', ')}; got ${given}.`);
  }
  const {model} = options;
  if (model === 'swin' && options.convolutions !== null) {
    throw new UsageError(
      'train: --convolutions must go with --model hybrid; got it with swin (leave it out).',
    );
  }
  const network = NETWORKS[model];
  const width = options.width ?? network.width;
  if (width % HEAD_CHANNELS !== 0) {
    throw new UsageError(`train: --width must be a multiple of ${HEAD_CHANNELS}; got ${width}.`);
  }
  if (options.warmup !== null && options.warmup >= options.epochs) {
    throw new UsageError(
      `train: --warmup must be less than --epochs (${options.epochs}); got ${options.warmup}.`,
    );
  }
  const depths = options.depths ?? [...network.depths];
  return {
    ...options,
    ...{data, classes, width, depths},
    heads: depths.map((_, stage) => (width * 2 ** stage) / HEAD_CHANNELS),
    patch: options.patch ?? network.patch,
    convolutions: options.convolutions ?? network.convolutions.map((level) => [...level]),
    background: options.background ?? classes[0]!,
    flip: options.flip ?? true,
    rotate: options.rotate ?? true,
    out: options.out ?? `runs/${timestamp(now)}`,
  };
}

/** The settings of a run that goes on; see `resumedSettings`. */
export function resumedSegmentSettings(
  saved: SegmentSettings,
  options: SegmentOptions,
  given: readonly (keyof SegmentOptions)[],
): SegmentSettings {
  const {data, classes} = saved;
  const now = {
    ...options,
    ...{data: options.data ?? data, classes: options.classes ?? classes},
    model: given.includes('model') ? options.model : saved.model,
    epochs: given.includes('epochs') ? options.epochs : saved.epochs,
  };
  return keptSettings(saved, segmentSettings(now, new Date()), given);
}
