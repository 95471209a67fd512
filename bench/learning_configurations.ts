/**
 * What the study of learning.ts compares: networks and settings, as plain data, so that the file of results holds them too.
 *
 * Every `twin` differs from the row of the same ending in `convolution: true` alone.
 */
import type {SwinResNetArgs} from 'tfjs-swint';

export interface LearningConfiguration {
  name: string;
  /** Where the idea comes from. */
  source: string;
  /** Arguments of swinResNet; classes, shape and seed are the study's. */
  network: Partial<SwinResNetArgs>;
  /** Name of an optimizer of the library, and its arguments. Default AdamW, made by `train`. */
  optimizer?: {name: string; args: object};
  /** Options of `train`; data, seed and minutes are the study's. */
  training: object;
}

/** How the README trains SwinResNet-14. */
const README = {batchSize: 64, learningRate: 3e-3, flip: true};

/** The same for a batch normalization that forgets fast, which wants large batches. */
const PLAIN = {batchSize: 500, learningRate: 5e-3, labelSmoothing: 0.1, flip: true, cropPadding: 2};

const MUON = {
  name: 'Muon',
  args: {learningRate: 0.05, momentum: 0.8, newtonSchulzSteps: 3, adamw: {rateRatio: 0.1}},
};

const RECIPE = {recipe: 'small-images', schedule: 'triangular', warmupEpochs: 0.15};

const SMALL = {depth: 10};

const FIRST_TRY = {
  ...{depth: 10, widths: [48, 96, 128], logitScale: 1 / 3, kernelInitializer: 'SwinDirac' as never},
  ...{valueConvolution: true, mlpConvolution: true, layerScale: 0.1},
};

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

const small = (
  name: string,
  source: string,
  network: object,
  training: object = {},
): LearningConfiguration => ({
  name: `swin-10-${name}`,
  source,
  network: {...SMALL, ...network},
  optimizer: MUON,
  training: {...RECIPE, ...training},
});

const LOOKAHEAD = {averaging: {method: 'lookahead', every: 5, decay: 0.5}};
const RESIZING = {progressiveResizing: {from: 24, until: 0.6}};

export const LEARNING_CONFIGURATIONS: readonly LearningConfiguration[] = [
  ...both('-14', 'README, CIFAR-10', {depth: 14}, {training: README}),
  ...both('-10-plain', 'Jordan 2024 (airbench), AdamW', SMALL, {training: PLAIN}),
  ...both('-10', 'Jordan 2024 (airbench), Muon', SMALL, {optimizer: MUON, training: RECIPE}),
  ...both('-10-first', 'the first try of the hybrid', FIRST_TRY, {optimizer: MUON, training: RECIPE}),
  small('mlp', 'LeFF: CeiT (Yuan et al. 2021), Uformer (Wang et al. 2022)', {mlpConvolution: true}),
  small('position', 'CPVT (Chu et al. 2021), Twins, DHVT', {positionConvolution: true}),
  small('value', 'LePE: CSWin (Dong et al. 2022), CoSwin', {valueConvolution: true}),
  small('scale', 'CaiT (Touvron et al. 2021)', {layerScale: 0.1}),
  small('scale-zero', 'CaiT; ReZero (Bachlechner et al. 2020)', {layerScale: 0}),
  small('local', 'CeiT, CSWin and CaiT together', {
    ...{mlpConvolution: true, valueConvolution: true, layerScale: 0.1},
  }),
  small('window-4', 'Swin (Liu et al. 2021): shifted windows', {windowSize: 4}),
  small('two-pairs', 'CoAtNet (Dai et al. 2021): more attention late', {swinDepth: 4}),
  small('dirac', 'DiracNets (Zagoruyko & Komodakis 2017)', {kernelInitializer: 'SwinDirac'}),
  small('lookahead', 'Zhang et al. 2019, airbench', {}, LOOKAHEAD),
  small('resizing', 'Touvron et al. 2019 (FixRes), airbench', {}, RESIZING),
  small('cutmix', 'Yun et al. 2019', {}, {cutmix: 1}),
  ...both('-10-sgd', 'Jordan 2024 (airbench), Nesterov SGD with rates by group', SMALL, {
    optimizer: {
      name: 'SGD',
      args: {
        ...{learningRate: 0.1, momentum: 0.85, nesterov: true, weightDecay: 1e-3},
        groups: [{match: 'bn/beta', rateScale: 64}],
      },
    },
    training: RECIPE,
  }),
];
