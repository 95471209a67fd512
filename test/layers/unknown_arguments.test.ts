import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import * as layers from '../../layers/index.js';
import {ConfigError} from '../../layers/index.js';

type Factory = (args?: unknown) => tf.layers.Layer;
type Constructor = new (args?: unknown) => tf.layers.Layer;

const exported: Readonly<Record<string, unknown>> = {...layers};

/** Every layer: its factory, its class, and arguments that it takes. */
const all: [factory: string, className: string, args: object][] = [
  ['absolutePosition', 'AbsolutePosition', {mapSize: [2, 3], dataFormat: 'channelsLast'}],
  ['batchNormalization', 'BatchNormalization', {axis: 1, momentum: 0.9, gammaInitializer: 'zeros'}],
  ['cropLike', 'CropLike', {}],
  ['cropValid', 'CropValid', {kernelSize: 3, strides: 2, dataFormat: 'channelsLast'}],
  ['dropPath', 'DropPath', {rate: 0.1, seed: 4}],
  ['gelu', 'Gelu', {}],
  ['globalMaxPooling', 'GlobalMaxPooling', {}],
  ['layerNormalization', 'LayerNormalization', {epsilon: 1e-6, seed: 1}],
  ['patchEmbed', 'PatchEmbed', {filters: 8, patchSize: 2, patchNorm: false}],
  ['patchExpanding', 'PatchExpanding', {outChannels: 8, scale: 2}],
  ['patchMerging', 'PatchMerging', {outChannels: 8, norm: 'post'}],
  [
    'swinBlock',
    'SwinBlock',
    {numHeads: 2, shifted: true, variant: 'v2', dropPath: 0.1, mlpConvolution: true, layerScale: 0},
  ],
  [
    'swinT',
    'SwinT',
    {numHeads: 2, strides: 2, filters: 8, inChannels: 4, inputResolution: 8, dropPath: [0, 0.1]},
  ],
  [
    'windowAttention',
    'WindowAttention',
    {numHeads: 2, shiftSize: 3, score: 'cosine', kernelInitializer: 'zeros'},
  ],
];

const ofTfjs = {
  ...{name: 'one', trainable: false, dtype: 'float32', inputDType: 'float32', batchSize: 2, updatable: true},
  ...{inputShape: [4, 8, 8], batchInputShape: [2, 4, 8, 8], weights: undefined},
};

describe('unknown arguments of layers', () => {
  for (const [factory, className, args] of all) {
    const make = exported[factory] as Factory;
    const Layer = exported[className] as Constructor;

    it(`${factory} takes its own arguments and those of tfjs, and what it saves`, () => {
      const layer = make({...args, ...ofTfjs});
      expect(layer.name).to.equal('one');
      const config = JSON.parse(JSON.stringify(layer.getConfig()));
      expect(new Layer(config).getConfig()).to.have.all.keys(Object.keys(config));
    });

    it(`${factory} and new ${className} refuse one that they do not know, and suggest the right one`, () => {
      for (const call of [make, (given: unknown) => new Layer(given)]) {
        expect(() => call({...args, name: 'a', trainabel: false})).to.throw(
          ConfigError,
          /^\w+\(a\): arguments must be among those that it takes; got trainabel \(try trainable\)\.$/,
        );
        expect(() => call({...args, zzz: 1})).to.throw(ConfigError, /got zzz \(it takes .*trainable/);
        // A name without a value is not given.
        call({...args, zzz: undefined});
      }
    });

    it(`${factory} refuses what is no object`, () => {
      for (const wrong of [null, 7, 'swin', []]) {
        expect(() => make(wrong)).to.throw(ConfigError, /the arguments must be an object; got /);
        expect(() => new Layer(wrong)).to.throw(ConfigError, /the arguments must be an object; got /);
      }
    });
  }

  const suggestions: [string, string, RegExp][] = [
    ['swinT', 'windowsize', /got windowsize \(try windowSize\)/],
    ['swinT', 'out_channels', /\(try outChannels\)/],
    ['swinT', 'heads', /\(try numHeads\)/],
    ['swinT', 'stride', /\(try strides\)/],
    ['swinT', 'attnDropout', /\(try attentionDropout\)/],
    ['swinT', 'shiftSize', /\(every other block shifts its windows/],
    ['swinT', 'kernelSize', /\(windows take the place of a kernel: give windowSize\)/],
    ['swinT', 'activation', /\(put tf\.layers\.activation behind the layer\)/],
    ['swinT', 'useBias', /qkvBias/],
    ['swinBlock', 'shiftSize', /shifted: true/],
    ['windowAttention', 'shift', /\(try shiftSize\)/],
    ['patchEmbed', 'kernelSize', /\(give patchSize\)/],
    ['patchEmbed', 'outChannels', /\(give embedDim\)/],
    ['batchNormalization', 'betaInitializer', /\(beta starts at 0\)/],
  ];
  for (const [factory, name, message] of suggestions) {
    it(`${factory}({${name}}) says what to give`, () => {
      const make = exported[factory] as Factory;
      expect(() => make({numHeads: 2, [name]: 3})).to.throw(ConfigError, message);
    });
  }

  it('several unknown ones are one error', () => {
    expect(() => layers.swinT({numHeads: 1, windowsize: 7, Depth: 2} as never)).to.throw(
      ConfigError,
      /got windowsize, Depth \(try windowSize; try depth\)/,
    );
  });

  it('swinT() is a ConfigError', () => {
    expect(() => (layers.swinT as Factory)()).to.throw(
      ConfigError,
      /the arguments must be an object; got undefined/,
    );
  });

  it('a model that holds a layer of ours loads from its own configuration', () => {
    const model = tf.sequential({
      layers: [
        layers.swinT({
          numHeads: 2,
          inputShape: [4, 8, 8],
          kernelInitializer: 'heNormal',
          seed: 3,
        } as layers.SwinTArgs),
      ],
    });
    const config = JSON.parse(JSON.stringify(model.getConfig()));
    const again = tf.Sequential.fromConfig(tf.Sequential, config) as tf.Sequential;
    expect(again.layers.map((layer) => layer.getClassName())).to.include('SwinT');
  });
});
