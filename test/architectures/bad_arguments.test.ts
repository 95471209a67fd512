import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import * as architectures from '../../architectures/index.js';
import {
  decoderFromEncoder,
  freezeStages,
  replaceConv2D,
  resetClassifier,
  swinBackbone,
  swinCifar,
  swinResNet,
  swinTransformer,
  swinUNet,
} from '../../architectures/index.js';
import {ConfigError} from '../../layers/index.js';

/** A network of the family that is built at once. */
const small = {embedDim: 4, depths: [2], numHeads: [1], imageSize: 8, windowSize: 2, numClasses: 2};

type Factory = (args?: unknown) => unknown;
const exported = architectures as unknown as Readonly<Record<string, Factory>>;
const transformers = [
  ...['swinTransformer', 'swinBackbone', 'swinTiny', 'swinSmall', 'swinBase', 'swinLarge'],
  ...['swinV2Tiny', 'swinV2Small', 'swinV2Base', 'swinV2Large', 'swinCifar', 'swinCifarTiny'],
];
const factories = new Map(Object.entries(exported));

describe('bad arguments of networks', () => {
  for (const name of [...transformers, 'swinUNet', 'swinResNet']) {
    const make = factories.get(name) as Factory;
    it(`${name} refuses what it does not know, and what is no object`, () => {
      const message = `${name}: arguments must be among those that it takes; got windowsize (try windowSize).`;
      expect(() => make({windowsize: 7})).to.throw(ConfigError, message);
      for (const wrong of [null, 224, 'tiny', []]) {
        expect(() => make(wrong)).to.throw(ConfigError, `${name}: the arguments must be an object; got `);
      }
    });
  }

  const resNet = (args: object) => () => swinResNet({numClasses: 2, ...args} as never);
  const swin = (args: object) => () => swinTransformer({...small, ...args} as never);
  const uNet = (args: object) => () => swinUNet({...small, ...args} as never);
  const model = tf.sequential({layers: [tf.layers.dense({units: 1, inputShape: [1]})]});

  const cases: [string, () => unknown, RegExp][] = [
    ['swinResNet()', swinResNet as never, /^swinResNet: the arguments must be an object; got undefined/],
    ['swinUNet()', swinUNet as never, /^swinUNet: the arguments must be an object; got undefined/],
    ['swinResNet: imageSize', resNet({imageSize: 32}), /got imageSize \(give inputShape\)/],
    ['swinTransformer: inputShape', swin({inputShape: [3, 8, 8]}), /\(give imageSize and inChannels\)/],
    [
      'swinResNet: a picture with the channels last in a network that has them first',
      resNet({inputShape: [32, 32, 3]}),
      /^swinResNet: inputShape must be \[C, H, W\], as dataFormat 'channelsFirst' has it; got \[32, 32, 3\] \(give \[3, 32, 32\], or dataFormat: 'channelsLast'\)\.$/,
    ],
    [
      'swinResNet: a picture with the channels first in a network that has them last',
      resNet({inputShape: [3, 64, 64], dataFormat: 'channelsLast'}),
      /got \[3, 64, 64\] \(give \[64, 64, 3\], or dataFormat: 'channelsFirst'\)/,
    ],
    [
      'swinResNet: with the batch',
      resNet({inputShape: [1, 3, 32, 32]}),
      /got \[1, 3, 32, 32\] \(without the batch\)/,
    ],
    [
      'swinResNet: a shape that is a number',
      resNet({inputShape: 32}),
      /inputShape must be \[C, H, W\].* got 32/,
    ],
    [
      'swinResNet: a size of 0',
      resNet({inputShape: [3, 0, 32]}),
      /inputShape\[1\] must be a whole number from 1; got 0/,
    ],
    [
      'swinResNet: unknown channels',
      resNet({inputShape: [null, 32, 32]}),
      /inputShape\[0\] must be .* got null/,
    ],
    ['swinResNet: NCHW', resNet({dataFormat: 'NCHW'}), /dataFormat must be one of/],
    [
      'swinResNet: convolution as a text',
      resNet({convolution: 'no'}),
      /convolution must be true or false; got 'no'/,
    ],
    [
      'swinResNet: another activation',
      resNet({classifierActivation: 'relu'}),
      /classifierActivation must be one of/,
    ],
    ['swinResNet: dropout 2', resNet({dropout: 2}), /^swinResNet: dropout must be/],
    ['swinResNet: numHeads as a number', resNet({numHeads: 4}), /numHeads must be 3 numbers, one per stage/],
    ['swinResNet: widths null', resNet({widths: null}), /widths must be 3 numbers/],
    ['swinTransformer: NCHW', swin({dataFormat: 'NCHW'}), /^swinTransformer: dataFormat must be one of/],
    [
      'swinTransformer: depths as a number',
      swin({depths: 2}),
      /depths and numHeads must have one number per stage; got 2/,
    ],
    ['swinTransformer: odd depths', swin({depths: [3]}), /depth must be even/],
    [
      'swinTransformer: depths as texts',
      swin({depths: ['2']}),
      /depths must be 1 numbers, one per stage, each a whole number from 0; got \['2'\]/,
    ],
    ['swinTransformer: heads of NaN', swin({numHeads: [Number.NaN]}), /numHeads must be .* got \[NaN\]/],
    ['swinTransformer: inChannels 0', swin({inChannels: 0}), /inChannels must be/],
    ['swinTransformer: no image', swin({imageSize: -1}), /imageSize must be/],
    ['swinTransformer: headDropout 1', swin({headDropout: 1}), /headDropout must be/],
    [
      'swinTransformer: absolutePosition 1',
      swin({absolutePosition: 1}),
      /absolutePosition must be true or false/,
    ],
    [
      'swinTransformer: another activation',
      swin({classifierActivation: 'tanh'}),
      /classifierActivation must be one of/,
    ],
    ['swinTransformer: a seed of 0.5', swin({seed: 0.5}), /^swinTransformer: seed must be/],
    ['swinBackbone: outStages as a number', () => swinBackbone({outStages: 1 as never}), /outStages must be/],
    ['swinCifar: heads that do not divide', () => swinCifar({numHeads: [5, 6, 12]}), /numHeads must divide/],
    ['swinUNet: decoderDepths as a number', uNet({decoderDepths: 2}), /decoderDepths must be/],
    ['swinUNet: convolutions as a number', uNet({convolutions: 16}), /convolutions must be widths/],
    ['swinUNet: numClasses missing', uNet({numClasses: undefined}), /numClasses must be/],
    [
      'replaceConv2D: an unknown option',
      () => replaceConv2D(model, {kernelSize: 3} as never),
      /^replaceConv2D: arguments must be among those that it takes; got kernelSize \(give where: \{kernelSize\}\)/,
    ],
    [
      'replaceConv2D: null',
      () => replaceConv2D(model, null as never),
      /replaceConv2D: the arguments must be an object/,
    ],
    ['replaceConv2D: no model', () => replaceConv2D(null as never), /the model must be a LayersModel/],
    [
      'resetClassifier: an unknown option',
      () => resetClassifier(model, 2, {activation: 'softmax'} as never),
      /^resetClassifier: arguments must be .* got activation \(try classifierActivation\)/,
    ],
  ];
  const changes = {
    replaceConv2D,
    decoderFromEncoder,
    resetClassifier: (given: never) => resetClassifier(given, 2),
    freezeStages: (given: never) => freezeStages(given, 1),
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`${name} of what is no model: one ConfigError`, () => {
      const refused = (given: unknown, got: string) =>
        expect(() => change(given as never)).to.throw(
          ConfigError,
          `${name}: the model must be a LayersModel with layers; got ${got}.`,
        );
      refused(undefined, 'undefined');
      refused('model.json', 'String');
      refused(Promise.resolve(model), 'Promise (await it)');
      refused(tf.sequential(), 'an empty one');
    });
  }

  it('decoderFromEncoder of another network: one ConfigError', () => {
    expect(() => decoderFromEncoder(model)).to.throw(ConfigError, /the model must be one of swinUNet/);
    expect(() => decoderFromEncoder(swinTransformer({...small, depths: [2, 2], numHeads: [1, 1]}))).to.throw(
      ConfigError,
      /the model must be one of swinUNet/,
    );
  });

  for (const [name, call, message] of cases) {
    it(`${name}: one ConfigError`, () => {
      expect(call).to.throw(ConfigError, message);
    });
  }

  it('shapes that may be what they say are taken', () => {
    for (const inputShape of [
      [12, 16, 16],
      [3, null, null],
      [1, 16, 24],
      [8, 32, 3],
    ]) {
      expect(resNet({inputShape, convolution: true})).not.to.throw();
    }
  });
});
