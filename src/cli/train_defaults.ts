/** What `tfjs-swint train` does where it is not told, as far as that depends on the images. */

/**
 * The drawn shapes of a run without options, sized so that it ends within two minutes on two cores on the wasm
 * backend. No image is seen twice: drawing new ones costs less than a step, and nothing can be learnt by heart.
 */
export const SHAPES_DEFAULTS = {
  imageSize: 32,
  trainImages: 9_600,
  testImages: 300,
  epochs: 3,
  stepsPerEpoch: 64,
  batchSize: 50,
  flip: false,
  recipe: 'small-images',
  depth: 10,
  widths: [32, 64, 128],
} as const;

/** Whatever the images, without a recipe. */
export const TRAINING_DEFAULTS = {
  learningRate: 0.003,
  weightDecay: 0.05,
  labelSmoothing: 0,
  cropPadding: 0,
  testViews: 1,
  schedule: 'cosine',
  warmupEpochs: undefined,
} as const;

/** Images of the user's own. */
export const FOLDER_DEFAULTS = {
  epochs: 10,
  // One pass.
  stepsPerEpoch: null,
  batchSize: 64,
  flip: true,
  recipe: null,
  depth: 14,
  // The network's own.
  widths: null,
} as const;
