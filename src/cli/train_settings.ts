/** The options of `tfjs-swint train`: each with its rule, its default and its help; and the settings that follow from them. */
import {RECIPES, type RecipeName, smallImages} from '../training/recipes.js';
import {SCHEDULES} from '../training/training_plan.js';
import {onOff, option, optionName, type Values} from './options.js';
import {keptSettings} from './resumed_settings.js';
import {FOLDER_DEFAULTS as FOLDER, SHAPES_DEFAULTS as SHAPES, TRAINING_DEFAULTS} from './train_defaults.js';
import {UsageError} from './usage_error.js';
import {
  belowOne,
  count,
  fromZero,
  listOf,
  oneOf,
  oneOfNumbers,
  path,
  positive,
  resizing,
  whole,
} from './values.js';

export type NetworkKind = 'swin' | 'conv';

/** What the help says of the recipe. */
const SMALL = smallImages({});
const orSmall = (usual: number | string, small: number | string | undefined) =>
  `${usual} (small-images ${small})`;

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
  flip: onOff('mirror half of the training images', `on (small-images ${SMALL.flip}), for shapes off`),
  crop: option(
    'N',
    whole,
    null,
    'random crop of the image padded by N pixels',
    orSmall(0, `${SMALL.cropPadding}, reflected`),
  ),
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
    `${FOLDER.depth} (shapes ${SHAPES.depth})`,
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
  mlpConvolution: onOff("a depthwise 3x3 convolution in the SwinT layers' MLPs", 'off (depth 10 on)'),
  positionConvolution: onOff('the same before their attention, to encode positions', 'off'),
  valueConvolution: onOff('the same of the values, beside their attention', 'off (depth 10 on)'),
  layerScale: option(
    'X',
    fromZero,
    null,
    'factor that their residual branches start with',
    'none (depth 10 0.1)',
  ),
};

/** The options that only SwinT layers have. */
export const LOCALITY = ['mlpConvolution', 'positionConvolution', 'valueConvolution', 'layerScale'] as const;

export const TRAINING = {
  recipe: option(
    'NAME',
    oneOf([...RECIPES, 'none']),
    null,
    'settings that go together, for what is not given: small-images is for photos of about 32x32 pixels and some ' +
      'minutes, with Muon in place of AdamW',
    'none (shapes small-images)',
  ),
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
  batchSize: option(
    'N',
    count,
    null,
    'images per step',
    `${FOLDER.batchSize} (shapes ${SHAPES.batchSize}, small-images ${SMALL.batchSize})`,
  ),
  accumulate: option('N', count, 1, 'steps whose gradients make one update of the weights'),
  learningRate: option(
    'RATE',
    fromZero,
    null,
    'highest rate',
    orSmall(TRAINING_DEFAULTS.learningRate, SMALL.learningRate),
  ),
  schedule: option(
    'NAME',
    oneOf(SCHEDULES),
    null,
    'how the rate falls after the warm-up: cosine, triangular (linearly) or plateau (to a tenth where the test gets no better)',
    orSmall('cosine', SMALL.schedule),
  ),
  warmup: option(
    'EPOCHS',
    fromZero,
    null,
    'linear warm-up, fractions allowed',
    `a twentieth of the epochs, of a triangle a fifth (small-images ${SMALL.warmupEpochs})`,
  ),
  weightDecay: option(
    'RATE',
    fromZero,
    null,
    'share of the weights that a step at rate 1 removes',
    orSmall(TRAINING_DEFAULTS.weightDecay, 0),
  ),
  labelSmoothing: option('S', belowOne, null, 'in [0, 1)', orSmall(0, SMALL.labelSmoothing)),
  progressiveResizing: option(
    'N,SHARE',
    resizing,
    null,
    'images of N pixels a side for the first SHARE of the training, for example 24,0.6',
    'none',
  ),
  average: option(
    'ema|lookahead',
    oneOf(['ema', 'lookahead']),
    null,
    'test and save an average of the weights of the updates',
    'none',
  ),
  views: option(
    '1|2|6',
    oneOfNumbers([1, 2, 6]),
    null,
    'views of each image in the final test: itself, its mirror image too, both shifted as well',
    orSmall(1, `${SMALL.testViews}, with --no-flip 1`),
  ),
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

/** What a run leaves behind to go on from, whatever is trained. */
export const CHECKPOINTS = {
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

export const OUTPUT = {
  out: option('DIR', path('a folder'), null, 'where models, history and report go', 'runs/<date-time>'),
  ...CHECKPOINTS,
};

/** The options as they were given. */
export type TrainOptions = Values<
  typeof DATA & typeof NETWORKS & typeof TRAINING & typeof MACHINE & typeof OUTPUT
>;

/** Everything the command needs; null where the data decide. */
export type TrainSettings = ReturnType<typeof settingsOf>;

/** The settings with the defaults that depend on the data, the recipe or on another option. */
export function settingsOf({model, resume: _, ...options}: TrainOptions, now: Date) {
  const defaults = options.data === null ? SHAPES : FOLDER;
  const epochs = options.epochs ?? defaults.epochs;
  if (options.warmup !== null && options.warmup >= epochs) {
    throw new UsageError(`train: --warmup must be less than --epochs (${epochs}); got ${options.warmup}.`);
  }
  const networks: NetworkKind[] = model === 'both' ? ['swin', 'conv'] : [model];
  const depth = options.depth ?? defaults.depth;
  checkLocality(options, networks, depth);
  // The widths of the drawn shapes are for the network that is theirs by default too.
  const widths = options.depth === null && defaults.widths !== null ? [...defaults.widths] : null;
  const named = options.recipe ?? defaults.recipe;
  const recipe = named === 'none' ? null : named;
  return {
    ...options,
    recipe,
    ...trainingDefaults({...options, recipe}, epochs),
    networks,
    epochs,
    depth,
    widths: options.widths ?? widths,
    out: options.out ?? `runs/${timestamp(now)}`,
  };
}

/** How it is trained, with what the recipe fills in, else the data decide. */
function trainingDefaults(
  options: Omit<TrainOptions, 'model' | 'resume' | 'recipe'> & {recipe: RecipeName | null},
  epochs: number,
) {
  const {data, recipe} = options;
  const defaults = data === null ? SHAPES : FOLDER;
  // Drawn shapes are not to be mirrored, whatever the recipe.
  const flip = options.flip ?? (data === null ? SHAPES.flip : undefined);
  const schedule = options.schedule ?? undefined;
  const filled = recipe === null ? {...TRAINING_DEFAULTS, ...defaults} : smallImages({flip, schedule});
  // Drawn shapes come in the number of their own batches.
  const batchSize = data === null ? SHAPES.batchSize : filled.batchSize;
  const usedSchedule = schedule ?? filled.schedule ?? TRAINING_DEFAULTS.schedule;
  return {
    flip: flip ?? filled.flip,
    crop: options.crop ?? filled.cropPadding,
    batchSize: options.batchSize ?? batchSize,
    stepsPerEpoch: options.stepsPerEpoch ?? defaults.stepsPerEpoch,
    learningRate: options.learningRate ?? filled.learningRate ?? TRAINING_DEFAULTS.learningRate,
    schedule: usedSchedule,
    warmup: options.warmup ?? filled.warmupEpochs ?? epochs / (usedSchedule === 'triangular' ? 5 : 20),
    // Muon has none of its own.
    weightDecay: options.weightDecay ?? (recipe === null ? TRAINING_DEFAULTS.weightDecay : 0),
    labelSmoothing: options.labelSmoothing ?? filled.labelSmoothing,
    views: options.views ?? filled.testViews,
  };
}

/** @throws UsageError for an option of SwinT layers where there are none; the twin of depth 10 is as wide as they cost. */
function checkLocality(
  options: Pick<TrainOptions, (typeof LOCALITY)[number]>,
  networks: readonly NetworkKind[],
  depth: number,
): void {
  if (networks.includes('swin') || depth === 10) return;
  for (const name of LOCALITY) {
    if (options[name] === null || options[name] === false) continue;
    throw new UsageError(
      `train: ${flagOf(name)} must go with a network that has SwinT layers; got --model conv (leave it out).`,
    );
  }
}

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
  const now = {...options, data: options.data ?? data, epochs: options.epochs ?? epochs};
  return keptSettings(saved, settingsOf(now, new Date()), given, {model: 'networks'});
}

const flagOf = (name: string) => `--${optionName(name)}`;

/** Local date and time, fit for a directory name and sorting as text: 2026-11-20-153000. */
export function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
