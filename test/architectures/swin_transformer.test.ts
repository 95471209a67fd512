import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  freezeStages,
  resetClassifier,
  swinBackbone,
  swinBase,
  swinCifar,
  swinCifarTiny,
  swinLarge,
  swinSmall,
  swinTiny,
  swinTransformer,
  swinUNet,
  swinV2Base,
  swinV2Small,
  swinV2Tiny,
} from '../../architectures/index.js';
import {ConfigError} from '../../kernels/index.js';
import {eachBackend} from '../helpers/backends.js';
import {expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded, withoutInitialWeights} from '../helpers/models.js';

/** Small enough for every backend. */
const small = {embedDim: 16, depths: [2, 2], numHeads: [1, 2], windowSize: 4, numClasses: 5, seed: 1};

describe('swinTransformer', () => {
  const published: [string, (args?: object) => tf.LayersModel, number][] = [
    ['swinTiny', swinTiny, 28_288_354],
    ['swinSmall', swinSmall, 49_606_258],
    ['swinBase', swinBase, 87_768_224],
    ['swinLarge', swinLarge, 196_532_476],
    ['swinV2Tiny', swinV2Tiny, 28_347_154],
    ['swinV2Small', swinV2Small, 49_728_418],
    ['swinV2Base', swinV2Base, 87_918_816],
  ];
  for (const [name, form, count] of published) {
    it(`${name} has ${count.toLocaleString('en-US')} parameters`, () => {
      withoutInitialWeights(() => expect(form().countParams()).to.equal(count));
    });
  }

  it('has windows of 12 for images of 384', () => {
    withoutInitialWeights(() => {
      const model = swinTiny({imageSize: 384});
      expect(model.getLayer('layers.0').getConfig().windowSize).to.deep.equal([12, 12]);
    });
  });

  it('has a form for CIFAR', () => {
    withoutInitialWeights(() => {
      const model = swinCifar();
      expect(model.outputShape).to.deep.equal([null, 10]);
      const stages = model.layers
        .filter((layer) => layer.getClassName() === 'SwinT')
        .map((layer) => layer.getConfig());
      expect(stages.map(({depth, numHeads, mlpRatio}) => [depth, numHeads, mlpRatio])).to.deep.equal([
        ...[[2, 3, 1]],
        ...[[6, 6, 1]],
        ...[[2, 12, 1]],
      ]);
    });
  });

  it('has a small form for CIFAR, whose second stage is a merging alone', () => {
    withoutInitialWeights(() => {
      const model = swinCifarTiny();
      expect(model.outputShape).to.deep.equal([null, 10]);
      expect(model.countParams()).to.equal(152_154);
      expect(swinCifarTiny({numClasses: 100}).countParams()).to.equal(163_764);
      expect(model.layers.map(({name}) => name))
        .to.include('layers.0.downsample')
        .and.not.include('layers.1');
    });
  });

  it('takes images of any size, those that nothing divides too', () => {
    const model = swinTransformer({...small, absolutePosition: true, imageSize: 32});
    for (const [height, width] of [
      [32, 32],
      [37, 21],
      [5, 64],
    ]) {
      const y = model.predict(tf.zeros([2, 3, height, width])) as tf.Tensor;
      expect(y.shape).to.deep.equal([2, 5]);
    }
  });

  it('spaces drop-path linearly over all blocks, and gives a window of its own to each stage', () => {
    const model = swinTransformer({
      ...small,
      dropPath: 0.3,
      windowSize: [[4, 4], [2, 3], 5],
      depths: [2, 2, 2],
      numHeads: [1, 2, 4],
    });
    const configs = [0, 1, 2].map((i) => model.getLayer(`layers.${i}`).getConfig());
    const rates = configs.flatMap(({dropPath}) => dropPath as number[]);
    for (const [i, rate] of rates.entries()) expect(rate).to.be.closeTo((0.3 * i) / 5, 1e-12);
    expect(configs.map(({windowSize}) => windowSize)).to.deep.equal([
      [4, 4],
      [2, 3],
      [5, 5],
    ]);
  });

  it('starts its kernels as it is told, but those that give the classes', () => {
    for (const make of [swinTransformer, swinUNet]) {
      const model = make({...small, absolutePosition: true, imageSize: 32, kernelInitializer: 'ones'});
      const kernels = model.weights.filter(({shape, originalName}) => {
        return shape.length > 1 && !/relative_position_bias_table|absolute_pos_embed/.test(originalName);
      });
      expect(kernels.length).to.be.above(10);
      for (const kernel of kernels) {
        const ones = kernel
          .read()
          .dataSync()
          .every((value) => value === 1);
        expect(ones, kernel.originalName).to.equal(!/^(head|output)\//.test(kernel.originalName));
      }
    }
  });

  it('gives features without classes, the same for both data formats', () => {
    const first = swinTransformer({...small, numClasses: 0});
    const last = swinTransformer({...small, numClasses: 0, dataFormat: 'channelsLast'});
    const x = tf.randomNormal([2, 3, 16, 16]);
    const y = first.predict(x) as tf.Tensor;
    expect(y.shape).to.deep.equal([2, 32]);
    const other = last.predict(tf.transpose(x, [0, 2, 3, 1])) as tf.Tensor;
    expectBitEqual('y', y.dataSync(), other.dataSync());
  });

  it('swinBackbone gives the maps of its stages', () => {
    const args = {...small, numClasses: undefined};
    const x = tf.zeros([2, 3, 32, 24]);
    const maps = swinBackbone(args).predict(x) as tf.Tensor[];
    expect(maps.map(({shape}) => shape)).to.deep.equal([
      [2, 16, 8, 6],
      [2, 32, 4, 3],
    ]);
    const last = swinBackbone({...args, outStages: [1], dataFormat: 'channelsLast'});
    expect((last.predict(tf.zeros([1, 32, 32, 3])) as tf.Tensor).shape).to.deep.equal([1, 4, 4, 32]);
  });

  it('resetClassifier changes the head and nothing else', () => {
    const model = swinTransformer(small);
    const other = resetClassifier(model, 3, {seed: 2});
    const x = tf.randomNormal([1, 3, 16, 16]);
    expect((other.predict(x) as tf.Tensor).shape).to.deep.equal([1, 3]);
    expect(other.getLayer('layers.0')).to.equal(model.getLayer('layers.0'));
    expect((resetClassifier(model, 0).predict(x) as tf.Tensor).shape).to.deep.equal([1, 32]);
    expect(() => resetClassifier(swinBackbone(small), 3)).to.throw(ConfigError, /dense layer called head/);
  });

  it('freezeStages freezes the patches and the first stages, and thaws them', () => {
    const model = swinTransformer(small);
    const trainable = () =>
      model.layers.filter(({trainableWeights}) => trainableWeights.length > 0).map(({name}) => name);
    const all = trainable();
    freezeStages(model, 1);
    expect(trainable()).to.deep.equal(['layers.1', 'norm', 'head']);
    freezeStages(model, 0);
    expect(trainable()).to.deep.equal(all);
    expect(() => freezeStages(model, 3)).to.throw(ConfigError, /from 0 to 2; got 3/);
  });

  const bad: [string, object, RegExp][] = [
    ['a variant it has not', {variant: 'miziha'}, /variant must be one of 'v1', 'v2'; got 'miziha'/],
    ['heads for fewer stages', {depths: [2, 2], numHeads: [3]}, /one number per stage/],
    ['windows for fewer stages', {windowSize: [7, 7, 7]}, /one size or one per stage \(4\)/],
    ['a fraction of classes', {numClasses: 1.5}, /numClasses must be a whole number from 1; got 1.5/],
    ['heads that do not divide', {embedDim: 96, numHeads: [5, 6, 12, 24]}, /numHeads must divide/],
    ['an odd depth', {depths: [2, 2, 5, 2]}, /depth must be even/],
    [
      'a stage that is not there',
      {outStages: [4]},
      /outStages must be numbers of stages, each a whole number from 0 to 3; got \[4\]/,
    ],
  ];
  for (const [name, args, message] of bad) {
    it(`${name}: one ConfigError`, () => {
      const make = 'outStages' in args ? swinBackbone : swinTransformer;
      expect(() => make(args)).to.throw(ConfigError, message);
    });
  }

  eachBackend(
    () => {
      it('saves and loads, and predicts the same', async () => {
        const model = swinTransformer({
          ...small,
          absolutePosition: true,
          imageSize: 16,
          variant: 'v2',
          windowSize: 2,
        });
        const loaded = await savedAndLoaded(model);
        const x = tf.randomNormal([2, 3, 16, 16]);
        const [expected, actual] = [model, loaded].map((one) => one.predict(x) as tf.Tensor);
        expectBitEqual('logits', await actual.data(), await expected.data());
      });
    },
    {only: ['cpu', 'wasm', 'tensorflow']},
  );
});
