import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  batchNormalization,
  ConfigError,
  dropPath,
  patchEmbed,
  patchExpanding,
  patchMerging,
  ShapeError,
  type SwinTArgs,
  swinT,
  windowAttention,
} from '../../layers/index.js';

/** What each wrong call must say. */
const cases: [string, () => unknown, typeof ConfigError | typeof ShapeError, RegExp][] = [
  [
    'heads that do not divide the channels',
    () => swinT({numHeads: 7, name: 'stage2'}).apply(tf.zeros([1, 96, 8, 8])),
    ConfigError,
    /^SwinT\(stage2\): numHeads must divide the input channels; got 96 channels and 7 heads \(try 6 or 8\)\.$/,
  ],
  [
    'heads that do not divide inChannels, before any input',
    () => swinT({numHeads: 7, inChannels: 96}),
    ConfigError,
    /numHeads must divide/,
  ],
  ['no heads', () => swinT({} as SwinTArgs), ConfigError, /numHeads is required/],
  ['heads of 0', () => swinT({numHeads: 0}), ConfigError, /numHeads must be a whole number from 1; got 0/],
  ['window 0', () => swinT({numHeads: 2, windowSize: 0}), ConfigError, /windowSize must be .* got 0/],
  [
    'window [7, 0]',
    () => swinT({numHeads: 2, windowSize: [7, 0]}),
    ConfigError,
    /windowSize .* got \[7, 0\]/,
  ],
  [
    'a window of three sizes',
    () => swinT({numHeads: 2, windowSize: [7, 7, 7] as never}),
    ConfigError,
    /windowSize .* got \[7, 7, 7\]/,
  ],
  ['odd depth', () => swinT({numHeads: 2, depth: 3}), ConfigError, /depth must be even.* got 3 \(try 4\)/],
  ['depth 0', () => swinT({numHeads: 2, depth: 0}), ConfigError, /depth must be a whole number from 1/],
  [
    'output channels given twice',
    () => swinT({numHeads: 2, outChannels: 8, filters: 16}),
    ConfigError,
    /outChannels and filters are one argument; got 8 and 16/,
  ],
  [
    'output channels of 1.5',
    () => swinT({numHeads: 2, outChannels: 1.5}),
    ConfigError,
    /outChannels .* got 1.5/,
  ],
  ['strides 3', () => swinT({numHeads: 2, strides: 3}), ConfigError, /strides must be 1 or 2/],
  ['strides [1, 2]', () => swinT({numHeads: 2, strides: [1, 2]}), ConfigError, /strides must be 1 or 2/],
  [
    'a projection beside the merging',
    () => swinT({numHeads: 2, strides: 2, projection: true}),
    ConfigError,
    /projection has no place where downsample merges/,
  ],
  [
    'strides against downsample',
    () => swinT({numHeads: 2, strides: 1, downsample: true}),
    ConfigError,
    /downsample and strides 2 are one argument/,
  ],
  [
    'inChannels that are not the input’s',
    () => swinT({numHeads: 2, inChannels: 8}).apply(tf.zeros([1, 6, 4, 4])),
    ShapeError,
    /inChannels must be the input's channels; got 8 and 6/,
  ],
  [
    'inputResolution that is not the input’s',
    () => swinT({numHeads: 2, inputResolution: [4, 5]}).apply(tf.zeros([1, 6, 4, 4])),
    ShapeError,
    /inputResolution must be the input's; got \[4, 5\] and \[4, 4\]/,
  ],
  [
    'rank 3',
    () => swinT({numHeads: 2}).apply(tf.zeros([6, 4, 4])),
    ShapeError,
    /the input must have rank 4, \[B, C, H, W\]; got rank 3, \[6, 4, 4\]/,
  ],
  [
    'rank 3 in a Sequential',
    () => tf.sequential().add(swinT({numHeads: 2, inputShape: [4, 4]} as SwinTArgs)),
    ShapeError,
    /the input must have rank 4/,
  ],
  [
    'unknown channels',
    () => swinT({numHeads: 2}).apply(tf.input({shape: [null, 4, 4]})),
    ShapeError,
    /the channels of the input must be known/,
  ],
  [
    'other channels than it was built with',
    () => {
      const layer = swinT({numHeads: 2});
      layer.apply(tf.zeros([1, 8, 4, 4]));
      layer.apply(tf.zeros([1, 6, 4, 4]));
    },
    ShapeError,
    /must have the 8 channels that the layer was built with; got 6/,
  ],
  [
    'an unknown variant',
    () => swinT({numHeads: 2, variant: 'v3' as never}),
    ConfigError,
    /variant must be one of/,
  ],
  [
    'an unknown padding',
    () => swinT({numHeads: 2, padding: 'same' as never}),
    ConfigError,
    /padding must be one of/,
  ],
  [
    'an unknown data format',
    () => swinT({numHeads: 2, dataFormat: 'NCHW' as never}),
    ConfigError,
    /dataFormat must be one of 'channelsFirst', 'channelsLast'; got 'NCHW'/,
  ],
  ['dropout 1', () => swinT({numHeads: 2, dropout: 1}), ConfigError, /dropout must be a number in \[0, 1\)/],
  ['attentionDropout -1', () => swinT({numHeads: 2, attentionDropout: -1}), ConfigError, /attentionDropout/],
  [
    'dropPath NaN',
    () => swinT({numHeads: 2, dropPath: Number.NaN}),
    ConfigError,
    /dropPath must be a number in \[0, 1\)/,
  ],
  [
    'too few dropPath rates',
    () => swinT({numHeads: 2, depth: 4, dropPath: [0.1, 0.2]}),
    ConfigError,
    /dropPath must be one rate or one per block; got 2 rates for 4 blocks/,
  ],
  ['mlpRatio 0', () => swinT({numHeads: 2, mlpRatio: 0}), ConfigError, /mlpRatio must be a number above 0/],
  [
    'qkScale in cosine attention',
    () => swinT({numHeads: 2, variant: 'v2', qkScale: 1}),
    ConfigError,
    /qkScale has no place/,
  ],
  ['a seed of 0.5', () => swinT({numHeads: 2, seed: 0.5}), ConfigError, /seed must be a whole number/],
  [
    'a shift as large as the window',
    () => windowAttention({numHeads: 2, windowSize: 4, shiftSize: 4}),
    ConfigError,
    /shiftSize must be from 0 to windowSize - 1/,
  ],
  ['dropPath without a rate', () => dropPath({} as never), ConfigError, /rate must be a number in \[0, 1\)/],
  ['patchEmbed without embedDim', () => patchEmbed({}), ConfigError, /embedDim is required/],
  ['patches of 0', () => patchEmbed({embedDim: 8, patchSize: 0}), ConfigError, /patchSize/],
  ['an unknown norm', () => patchMerging({norm: 'mid' as never}), ConfigError, /norm must be one of/],
  ['scale 0', () => patchExpanding({scale: 0}), ConfigError, /scale must be a whole number from 1/],
  [
    'channels that scale does not divide',
    () => patchExpanding({scale: 2}).apply(tf.zeros([1, 5, 2, 2])),
    ConfigError,
    /scale must divide the input channels/,
  ],
  [
    'batch normalization over an axis that is not there',
    () => batchNormalization({axis: 4}).apply(tf.zeros([1, 5, 2, 2])),
    ShapeError,
    /axis must be one after the batch; got axis 4/,
  ],
  [
    'momentum 2',
    () => batchNormalization({momentum: 2}),
    ConfigError,
    /momentum must be a number from 0 to 1/,
  ],
];

describe('bad arguments of layers', () => {
  for (const [name, call, type, message] of cases) {
    it(`${name}: one ${type.name}`, () => {
      expect(call).to.throw(type, message);
    });
  }
});
