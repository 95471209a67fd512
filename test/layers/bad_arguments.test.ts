import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  batchNormalization,
  ConfigError,
  cropLike,
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
    /shiftSize\[0\] must be a whole number from 0 to 3; got 4 \(less than the window, 4\)/,
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
  [
    'no arguments',
    () => (swinT as () => unknown)(),
    ConfigError,
    /the arguments must be an object; got undefined/,
  ],
  [
    'an MLP without hidden channels',
    () => swinT({numHeads: 2, mlpRatio: 1e-9, name: 'a'}).apply(tf.zeros([1, 4, 4, 4])),
    ConfigError,
    /^SwinT\(a\): mlpRatio must give the MLP at least one hidden channel; got 1e-9 for 4 channels \(from 0.25 on/,
  ],
  [
    'an MLP without hidden channels, before any input',
    () => swinT({numHeads: 2, mlpRatio: 1e-9, inChannels: 4}),
    ConfigError,
    /mlpRatio must give the MLP at least one hidden channel/,
  ],
  [
    'windows of 1e9',
    () => swinT({numHeads: 2, windowSize: 1e9}),
    ConfigError,
    /windowSize must be at most 1024 on each axis; got 1000000000/,
  ],
  [
    'windows of 300 with a bias network',
    () => swinT({numHeads: 2, windowSize: [2, 300], variant: 'v2'}),
    ConfigError,
    /windowSize must be at most 256 on each axis; got \[2, 300\]/,
  ],
  [
    'more output channels than a buffer holds',
    () => swinT({numHeads: 2, outChannels: 1e12}).apply(tf.zeros([1, 4, 4, 4])),
    ConfigError,
    /every weight must have from 1 to 268,435,456 numbers; got projection.weight of shape \[4, 1000000000000\]/,
  ],
  [
    'downsample as a text',
    () => swinT({numHeads: 2, downsample: 'false' as never}),
    ConfigError,
    /downsample must be true or false; got 'false'/,
  ],
  ['numHeads as a text', () => swinT({numHeads: '2' as never}), ConfigError, /numHeads must .* got '2'/],
  ['numHeads null', () => swinT({numHeads: null as never}), ConfigError, /numHeads is required/],
  ['numHeads NaN', () => swinT({numHeads: Number.NaN}), ConfigError, /numHeads must .* got NaN/],
  ['qkScale Infinity', () => swinT({numHeads: 2, qkScale: Infinity}), ConfigError, /qkScale .* got Infinity/],
  [
    'padding of a Conv2D',
    () => swinT({numHeads: 2, padding: 'valid' as never}),
    ConfigError,
    /padding must be one of .* \(it says what the cells are .* the size of the map always stays\)/,
  ],
  [
    'an initializer that is none',
    () => swinT({numHeads: 2, kernelInitializer: 'narrow', name: 'a'}),
    ConfigError,
    /^SwinT\(a\): the options of weights must be those of a Conv2D.* \(tfjs: Unknown initializer: narrow\)\.$/,
  ],
  [
    'two inputs',
    () => swinT({numHeads: 2}).apply([tf.zeros([1, 4, 4, 4]), tf.zeros([1, 4, 4, 4])]),
    ShapeError,
    /the layer must have one input; got 2, \[1, 4, 4, 4\] and \[1, 4, 4, 4\]/,
  ],
  [
    'two inputs of drop-path',
    () => dropPath({rate: 0.5}).apply([tf.zeros([1, 4]), tf.zeros([1, 4])]),
    ShapeError,
    /the layer must have one input; got 2/,
  ],
  [
    'integers',
    () => swinT({numHeads: 2, name: 'a'}).apply(tf.zeros([1, 4, 4, 4], 'int32')),
    ConfigError,
    /^SwinT\(a\): the input must be float32; got int32 \(tf.cast\(x, 'float32'\) makes it so\)\.$/,
  ],
  [
    'an array',
    () => batchNormalization().apply([[1, 2]] as never),
    ConfigError,
    /the input must be a tensor; got \[1, 2\]/,
  ],
  [
    'a tensor that is gone',
    () => {
      const x = tf.zeros([1, 4, 4, 4]);
      x.dispose();
      return patchMerging().apply(x);
    },
    ConfigError,
    /the input must still be there; got a tensor that is disposed/,
  ],
  [
    'a map without cells',
    () => swinT({numHeads: 2}).apply(tf.zeros([1, 4, 0, 4])),
    ShapeError,
    /the map must have cells and channels; got \[1, 4, 0, 4\]/,
  ],
  [
    'unknown channels, known last axis',
    () => swinT({numHeads: 1}).apply(tf.input({shape: [null, null, 3]})),
    ShapeError,
    /the channels of the input must be known; .* \(dataFormat: 'channelsLast' where they are the last axis\)/,
  ],
  [
    'three inputs of cropLike',
    () => cropLike().apply([0, 1, 2].map(() => tf.zeros([1, 4, 4, 4]))),
    ShapeError,
    /the inputs must be two maps/,
  ],
  [
    'a map smaller than the one to be like, before any tensor',
    () => cropLike().apply([tf.input({shape: [4, 4, 2]}), tf.input({shape: [5, 4, 2]})]),
    ShapeError,
    /the map must be as large as the other one; got \[\*, 4, 4, 2\] and \[\*, 5, 4, 2\]/,
  ],
  [
    'an unknown start of gamma',
    () => batchNormalization({gammaInitializer: 'one' as never}),
    ConfigError,
    /gammaInitializer must be one of 'ones', 'zeros'; got 'one'/,
  ],
  [
    'center as a number',
    () => batchNormalization({center: 0 as never}),
    ConfigError,
    /center must be true or false; got 0/,
  ],
  [
    'patchNorm as a text',
    () => patchEmbed({embedDim: 4, patchNorm: 'no' as never}),
    ConfigError,
    /patchNorm must be/,
  ],
  [
    'a shift as a text',
    () => windowAttention({numHeads: 2, shiftSize: '2' as never}),
    ConfigError,
    /shiftSize .* got '2'/,
  ],
];

describe('bad arguments of layers', () => {
  for (const [name, call, type, message] of cases) {
    it(`${name}: one ${type.name}`, () => {
      expect(call).to.throw(type, message);
    });
  }

  it('a map of one cell may be halved: it stays one cell', () => {
    const y = swinT({numHeads: 2, downsample: true}).apply(tf.ones([1, 4, 1, 1])) as tf.Tensor;
    expect(y.shape).to.deep.equal([1, 4, 1, 1]);
  });
});
