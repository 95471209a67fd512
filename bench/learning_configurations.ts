/**
 * What the study of learning.ts compares: networks and settings, as plain data, so that the file of results holds them too.
 *
 * Every `twin` differs from the row of the same ending in `convolution: true` alone.
 */
import type {SwinResNetArgs, TrainOptions} from 'tfjs-swint';

export interface LearningConfiguration {
  name: string;
  /** Where the idea comes from. */
  source: string;
  /** Arguments of swinResNet; classes, shape and seed are the study's. */
  network: Partial<SwinResNetArgs>;
  /** Name of an optimizer of the library, and its arguments. Default AdamW, made by `train`. */
  optimizer?: {name: string; args: object};
  /** Options of `train`; data, seed and number of steps are the study's. */
  training: TrainOptions;
}

/** How the README trains SwinResNet-14. */
const README: TrainOptions = {batchSize: 64, learningRate: 3e-3, flip: true};

/** AdamW on the images of the recipe. */
const PLAIN: TrainOptions = {
  batchSize: 250,
  learningRate: 5e-3,
  labelSmoothing: 0.1,
  flip: true,
  cropPadding: 2,
};

const RECIPE: TrainOptions = {recipe: 'small-images'};

/** Larger batches, and a warm-up. */
const WARM_TRAINING: TrainOptions = {
  ...RECIPE,
  ...{batchSize: 500, schedule: 'triangular', warmupEpochs: 0.15},
};

/** Muon without norms of filters. */
const WARM = {
  optimizer: {
    name: 'Muon',
    args: {learningRate: 0.05, momentum: 0.8, newtonSchulzSteps: 3, adamw: {rateRatio: 0.1}},
  },
  training: WARM_TRAINING,
};

const SMALL = {depth: 10};

const RESIZING: TrainOptions = {...RECIPE, progressiveResizing: {from: 24, until: 0.6}};

/** A network and its twin, trained alike. */
function both(
  ending: string,
  source: string,
  network: Partial<SwinResNetArgs>,
  rest: Pick<LearningConfiguration, 'optimizer' | 'training'>,
): LearningConfiguration[] {
  return [
    {name: `swin${ending}`, source, network, ...rest},
    {
      name: `twin${ending}`,
      source: `${source}; twin of equal multiply-adds`,
      network: {...network, convolution: true},
      ...rest,
    },
  ];
}

/** The small form under the recipe, but for one thing. */
const small = (
  name: string,
  source: string,
  network: Partial<SwinResNetArgs>,
  training: TrainOptions = {},
): LearningConfiguration => ({
  name: `swin-10-${name}`,
  source,
  network: {...SMALL, ...network},
  training: {...RECIPE, ...training},
});

export const LEARNING_CONFIGURATIONS: readonly LearningConfiguration[] = [
  ...both('-10', 'Jordan 2024 (airbench94_muon)', SMALL, {training: RECIPE}),
  ...both('-10-resizing', 'Howard 2018, Touvron et al. 2019 (FixRes)', SMALL, {training: RESIZING}),
  ...both('-14', 'README, CIFAR-10', {depth: 14}, {training: README}),
  ...both('-10-plain', 'AdamW', SMALL, {training: PLAIN}),
  ...both('-10-warm', 'Jordan et al. 2024 (Muon), as for language models', SMALL, WARM),
  ...both('-10-quarter', 'SwinT at 8x8', {...SMALL, widths: [64, 128]}, {training: RECIPE}),
  small('no-convolutions', 'Swin (Liu et al. 2021): nothing but attention and MLP in the SwinT', {
    ...{mlpConvolution: false, valueConvolution: false},
  }),
  small('no-mlp', 'without LeFF: CeiT (Yuan et al. 2021), Uformer (Wang et al. 2022)', {
    mlpConvolution: false,
  }),
  small('no-value', 'without LePE: CSWin (Dong et al. 2022), CoSwin', {valueConvolution: false}),
  small('position', 'CPVT (Chu et al. 2021), Twins, DHVT', {positionConvolution: true}),
  small('scale-one', 'without what CaiT (Touvron et al. 2021) starts small', {layerScale: 1}),
  small('scale-zero', 'ReZero (Bachlechner et al. 2020)', {layerScale: 0}),
  small('window-2', 'Swin: shifted windows', {windowSize: 2}),
  small('two-pairs', 'CoAtNet (Dai et al. 2021): more attention late', {swinDepth: 4}),
  small('he', 'He et al. 2015, in place of Dirac', {kernelInitializer: 'heNormal'}),
  small(
    'lookahead',
    'Zhang et al. 2019, airbench',
    {},
    {averaging: {method: 'lookahead', every: 5, decay: 0.5}},
  ),
  small('cutmix', 'Yun et al. 2019', {}, {cutmix: 1}),
  ...both('-10-sgd', 'Jordan 2024 (airbench), Nesterov SGD with rates by group', SMALL, {
    optimizer: {
      name: 'SGD',
      args: {
        ...{learningRate: 0.1, momentum: 0.85, nesterov: true, weightDecay: 1e-3},
        groups: [{match: 'bn/beta', rateScale: 64}],
      },
    },
    training: WARM_TRAINING,
  }),
];
