import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceConv2D} from '../../architectures/index.js';
import {eachBackend} from '../helpers/backends.js';
import {expectAbsClose, expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';
import {channelsFirst, inputsFor, mnist, nested, resNet, shared, uNet} from './convolutional_networks.js';

const models = {channelsFirst, mnist, nested, resNet, shared, uNet};

const small = {windowSize: 4, mlpRatio: 1, seed: 1} as const;

const predictions = (model: tf.LayersModel, inputs: tf.Tensor[]) =>
  [model.predict(inputs.length === 1 ? inputs[0] : inputs)].flat() as tf.Tensor[];

describe("replaceConv2D with keepPath 'full'", () => {
  for (const [name, make] of Object.entries(models)) {
    it(`${name} starts as the old model`, async () => {
      const old = make();
      const {numTensors} = tf.memory();
      const {model, report} = replaceConv2D(old, {...small, keepPath: 'full'});
      expect(tf.memory().numTensors - numTensors).to.equal(model.weights.length);
      expect(report.replaced.length).to.be.greaterThan(0);
      const inputs = inputsFor(old);
      const [expected, actual] = [old, model].map((one) => predictions(one, inputs));
      const loaded = predictions(await savedAndLoaded(model), inputs);
      for (const [i, y] of actual.entries()) {
        expectAbsClose(`output ${i}`, y.dataSync(), expected[i].dataSync(), 1e-5);
        expectBitEqual(`output ${i}, loaded`, loaded[i].dataSync(), y.dataSync());
      }
    });
  }

  it('keeps the convolution with its weights, treatments and flags, without its activation', () => {
    const old = mnist();
    old.getLayer('conv2').trainable = false;
    const {model, report} = replaceConv2D(old, {...small, keepPath: 'full'});
    const parts = ['conv2', 'conv2.kept', 'conv2.zero', 'conv2.add', 'conv2.crop', 'conv2.activation'];
    expect(report.replaced[0].layers).to.have.members(parts);
    const kept = model.getLayer('conv2.kept');
    expect(kept.getConfig()).to.include({
      padding: 'valid',
      filters: 12,
      activation: 'linear',
      trainable: false,
    });
    for (const [i, weight] of old.getLayer('conv2').getWeights().entries()) {
      expectBitEqual(`weight ${i}`, kept.getWeights()[i].dataSync(), weight.dataSync());
    }
    expect(parts.flatMap((name) => model.getLayer(name).trainableWeights)).to.deep.equal([]);
  });

  eachBackend(
    () => {
      it('trains away from it: first the zero convolution, then the SwinT', async () => {
        const old = resNet();
        const {model} = replaceConv2D(old, {...small, where: ['b.conv1'], keepPath: 'full'});
        const [x] = inputsFor(old);
        const target = tf.add(old.predict(x) as tf.Tensor, 1);
        model.compile({optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError'});
        const values = async (name: string) =>
          Promise.all(
            model
              .getLayer(name)
              .getWeights()
              .map((weight) => weight.data()),
          );
        const changes = async (name: string, before: ArrayLike<number>[]) =>
          (await values(name)).map((now, i) => now.some((value, j) => value !== before[i][j]));
        const [zero, swin] = [await values('b.conv1.zero'), await values('b.conv1')];
        expect(zero[0].every((value) => value === 0)).to.equal(true);
        await model.fit(x, target, {epochs: 1, verbose: 0});
        expect(await changes('b.conv1.zero', zero)).to.deep.equal([true]);
        expect((await changes('b.conv1', swin)).some(Boolean)).to.equal(false);
        await model.fit(x, target, {epochs: 1, verbose: 0});
        const changed = await changes('b.conv1', swin);
        expect(changed.filter(Boolean).length).to.be.greaterThan(0.8 * changed.length);
      });
    },
    {only: ['wasm', 'tensorflow']},
  );
});

describe("replaceConv2D with keepPath '1x1'", () => {
  for (const [name, make] of Object.entries(models)) {
    it(`${name} has the shapes of the old model, saves and loads`, async () => {
      const old = make();
      const {model, report} = replaceConv2D(old, {...small, keepPath: '1x1'});
      for (const {name: conv} of report.replaced) {
        const kept = `${conv.slice(conv.lastIndexOf('/') + 1)}.kept`;
        expect(report.replaced.flatMap(({layers}) => layers)).to.include(kept);
      }
      const inputs = inputsFor(old);
      const [expected, actual] = [old, model].map((one) => predictions(one, inputs));
      const loaded = predictions(await savedAndLoaded(model), inputs);
      for (const [i, y] of actual.entries()) {
        expect(y.shape).to.deep.equal(expected[i].shape);
        expectBitEqual(`output ${i}, loaded`, loaded[i].dataSync(), y.dataSync());
      }
    });
  }

  for (const [strides, kernelSize, size] of [
    [1, 3, 8],
    [1, [4, 3], 7],
    [2, 3, 8],
    [2, [4, 5], 9],
  ] as [number, number | [number, number], number][]) {
    it(`is exact on a constant map: strides ${strides}, kernel ${kernelSize}, size ${size}`, () => {
      const conv = {filters: 5, kernelSize, strides, biasInitializer: 'randomNormal'} as const;
      const inputShape = [size, size, 8];
      const old = tf.sequential({layers: [tf.layers.conv2d({...conv, inputShape, activation: 'tanh'})]});
      const {model} = replaceConv2D(old, {...small, keepPath: '1x1'});
      const x = tf.tile(tf.randomNormal([2, 1, 1, 8]), [1, size, size, 1]);
      const [expected, actual] = [old, model].map((one) => predictions(one, [x])[0]);
      expect(actual.shape).to.deep.equal(expected.shape);
      expectAbsClose('y', actual.dataSync(), expected.dataSync(), 1e-5);
    });
  }

  eachBackend(
    () => {
      it('trains', async () => {
        const {model} = replaceConv2D(channelsFirst(), {...small, keepPath: '1x1'});
        const [x] = inputsFor(model);
        model.compile({optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError'});
        const {history} = await model.fit(x, tf.ones([2, 2]), {epochs: 2, verbose: 0});
        const [first, second] = history.loss as number[];
        expect(second).to.be.below(first);
      });
    },
    {only: ['wasm', 'tensorflow']},
  );
});
