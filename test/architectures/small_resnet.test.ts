/** SwinResNet of depth 10: its shape, its twin of equal multiply-adds, free sizes of images, saving, training. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {type SwinResNetArgs, swinResNet} from '../../architectures/index.js';
import {ConfigError} from '../../kernels/index.js';
import {modelInfo} from '../../src/model_info.js';
import {AdamW} from '../../src/training/adamw.js';
import {eachBackend} from '../helpers/backends.js';
import {expectAbsClose, expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

const small = (args: Partial<SwinResNetArgs> = {}) =>
  swinResNet({depth: 10, numClasses: 10, seed: 1, ...args});

/** For the plain cpu backend and the software GPU. */
const tiny = (args: Partial<SwinResNetArgs> = {}) =>
  small({numClasses: 4, inputShape: [3, 8, 8], widths: [8, 16], windowSize: 2, ...args});

const ofClass = (model: tf.LayersModel, name: string) =>
  model.layers.filter((layer) => layer.getClassName() === name);

function step(model: tf.LayersModel, optimizer: tf.Optimizer, images: tf.Tensor, labels: tf.Tensor) {
  const logits = () => model.apply(images, {training: true}) as tf.Tensor;
  const loss = () => tf.losses.softmaxCrossEntropy(labels, logits()) as tf.Scalar;
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  return optimizer.minimize(loss, true, variables) as tf.Scalar;
}

describe('swinResNet of depth 10', () => {
  it('has SwinT at an eighth of the resolution, with two widths at a quarter', () => {
    const table: [Partial<SwinResNetArgs>, number, number[]][] = [
      [{}, 53e6, [4, 4, 256]],
      [{widths: [64, 128]}, 70e6, [8, 8, 128]],
    ];
    for (const [args, multiplyAdds, shape] of table) {
      const model = small(args);
      expect(modelInfo(model).multiplyAdds).to.be.closeTo(multiplyAdds, 1e6);
      const [swin, ...others] = ofClass(model, 'SwinT');
      expect(others).to.deep.equal([]);
      expect(swin.outputShape).to.deep.equal([null, ...shape]);
      const config = swin.getConfig();
      expect(config).to.include({depth: 2, numHeads: 4, mlpRatio: 2, variant: 'v1', layerScale: 0.1});
      expect(config).to.include({mlpConvolution: true, valueConvolution: true});
      expect(model.getLayer('whiten').outputShape).to.deep.equal([null, 32, 32, 24]);
      expect(model.outputs[0].shape).to.deep.equal([null, 10]);
      expect(model.name).to.equal('swin_resnet10');
      expect(ofClass(model, 'Permute').length).to.equal(1);
    }
  });

  it('normalises after the pool, and takes its numbers from the arguments', () => {
    const model = small({
      ...{widths: [16, 24, 32], numHeads: [8], windowSize: 4, mlpRatio: 3, swinDepth: 4},
      ...{batchNormMomentum: 0.9, logitScale: 0.5, dropPath: 0.3, dropout: 0.1, variant: 'v2' as const},
    });
    expect(model.getLayer('stage1.conv1.bn').outputShape).to.deep.equal([null, 16, 16, 16]);
    expect(model.getLayer('stage3.conv').outputShape).to.deep.equal([null, 4, 4, 32]);
    const plain = small({mlpConvolution: false, valueConvolution: false, layerScale: 0}).getLayer(
      'stage3.swin',
    );
    expect(plain.getConfig())
      .to.include({layerScale: 0})
      .and.not.have.any.keys('mlpConvolution', 'valueConvolution');
    for (const norm of ofClass(model, 'SwinBatchNormalization')) {
      expect(norm.getConfig().momentum).to.equal(0.9);
    }
    const config = model.getLayer('stage3.swin').getConfig();
    expect(config).to.deep.include({depth: 4, numHeads: 8, mlpRatio: 3, windowSize: [4, 4], variant: 'v2'});
    for (const [i, rate] of (config.dropPath as number[]).entries())
      expect(rate).to.be.closeTo(0.1 * i, 1e-9);
    expect(model.getLayer('logit_scale').getConfig().scale).to.equal(0.5);
    expect(model.getLayer('head.dropout').getConfig().rate).to.equal(0.1);
    expect(ofClass(small(), 'SwinBatchNormalization')[0].getConfig().momentum).to.equal(0.6);
  });

  it('multiplies the logits by logitScale', () => {
    const x = tf.randomNormal([2, 3, 8, 8], 0, 1, 'float32', 1);
    const [one, half] = [1, 0.5].map((logitScale) => tiny({logitScale}).predict(x) as tf.Tensor);
    expectBitEqual('logits', half.dataSync(), tf.mul(one, 0.5).dataSync());
  });

  it('leaves the kernel of whiten as it is', async () => {
    const model = tiny();
    const {weights} = model.getLayer('whiten');
    expect(weights.length).to.equal(1);
    expect(model.trainableWeights).to.not.include(weights[0]);
    const before = await weights[0].read().data();
    const x = tf.randomNormal([2, 3, 8, 8], 0, 1, 'float32', 1);
    step(model, new AdamW({learningRate: 0.1}), x, tf.oneHot(tf.tensor1d([1, 2], 'int32'), 4));
    expectBitEqual('kernel', await weights[0].read().data(), before);
  });

  describe('with its twin', () => {
    const table: [string, Partial<SwinResNetArgs>][] = [
      ['as it is', {}],
      ['windows of 2', {windowSize: 2}],
      ['no locality', {mlpConvolution: false, valueConvolution: false}],
      ['two pairs', {swinDepth: 4}],
      ['two widths', {widths: [64, 128]}],
      ['a wide MLP', {mlpRatio: 4, numHeads: [8]}],
      ['larger images', {inputShape: [3, 64, 48]}],
      ['channels last', {inputShape: [32, 32, 3], dataFormat: 'channelsLast'}],
    ];
    for (const [name, args] of table) {
      it(`has equal multiply-adds within 5 %, and all else the same: ${name}`, () => {
        const [swin, twin] = [false, true].map((convolution) => small({...args, convolution}));
        const ratio = modelInfo(twin).multiplyAdds / modelInfo(swin).multiplyAdds;
        expect(ratio).to.be.within(0.95, 1.05);
        const pairs = (args.swinDepth ?? 2) / 2;
        expect(ofClass(twin, 'SwinT').length).to.equal(0);
        expect(ofClass(twin, 'Add').length).to.equal(pairs);
        const extra = twin.layers.filter(({name}) => /^stage3\.pair/.test(name));
        const shared = twin.layers.filter((layer) => !extra.includes(layer));
        expect(extra.length).to.equal(6 * pairs);
        expect(shared.map((layer) => layer.name)).to.deep.equal(
          swin.layers.map((layer) => layer.name).filter((name) => name !== 'stage3.swin'),
        );
        for (const layer of shared) {
          const other = swin.getLayer(layer.name);
          expect(layer.outputShape).to.deep.equal(other.outputShape);
          for (const [i, weight] of layer.getWeights().entries()) {
            expectBitEqual(layer.name, weight.dataSync(), other.getWeights()[i].dataSync());
          }
        }
      });
    }
  });

  it('takes images of other sizes, and grey ones', () => {
    const fixed = tiny();
    const free = tiny({inputShape: [3, null, null]});
    for (const model of [fixed, free]) {
      const y = model.apply(tf.zeros([2, 3, 14, 9]), {training: true}) as tf.Tensor;
      expect(y.shape).to.deep.equal([2, 4]);
    }
    const x = tf.randomNormal([2, 3, 8, 8], 0, 1, 'float32', 1);
    const [a, b] = [fixed, free].map((model) => (model.predict(x) as tf.Tensor).dataSync());
    expectBitEqual('logits', a, b);
    const grey = tiny({inputShape: [1, 12, 12]});
    expect(grey.getLayer('whiten').outputShape).to.deep.equal([null, 12, 12, 8]);
    expect((grey.predict(tf.zeros([1, 1, 12, 12])) as tf.Tensor).shape).to.deep.equal([1, 4]);
  });

  it('gives the same for both data formats', () => {
    const [first, last] = [tiny(), tiny({inputShape: [8, 8, 3], dataFormat: 'channelsLast'})];
    const x = tf.randomNormal([2, 3, 8, 8], 0, 1, 'float32', 1);
    const y = last.predict(tf.transpose(x, [0, 2, 3, 1])) as tf.Tensor;
    expectBitEqual('y', (first.predict(x) as tf.Tensor).dataSync(), y.dataSync());
  });

  describe('bad arguments', () => {
    const cases: [string, object, RegExp][] = [
      ['one width', {widths: [8]}, /^swinResNet: widths must be 2 or 3 numbers, one per stage, each a whole/],
      ['heads of three stages', {numHeads: [1, 2, 4]}, /^swinResNet: numHeads must be 1 numbers, one per/],
      ['heads that do not divide', {numHeads: [5]}, /numHeads must divide the input channels/],
      [
        'an odd swinDepth',
        {swinDepth: 3},
        /^swinResNet: swinDepth must be an even whole number from 2; got 3/,
      ],
      ['a logitScale of 0', {logitScale: 0}, /^swinResNet: logitScale must be .*; got 0/],
      ['a momentum above 1', {batchNormMomentum: 1.5}, /^swinResNet: batchNormMomentum must be .*; got 1\.5/],
      ['layerScale below 0', {layerScale: -1}, /^swinResNet: layerScale must be .*; got -1/],
      [
        'projection',
        {projection: true},
        /^swinResNet: projection is an argument of the depths other than 10; got depth 10 and projection true \(leave it out\)\.$/,
      ],
      [
        'swinDepth of another depth',
        {depth: 14, swinDepth: 2},
        /^swinResNet: swinDepth is an argument of depth 10; got depth 14 and swinDepth 2 \(leave it out\)\.$/,
      ],
    ];
    for (const [name, args, message] of cases) {
      for (const convolution of [false, true]) {
        if (convolution && name === 'heads that do not divide') continue;
        it(`${name}: one ConfigError${convolution ? ', of the twin too' : ''}`, () => {
          expect(() => small({...args, convolution} as never)).to.throw(ConfigError, message);
        });
      }
    }
  });

  eachBackend((backend) => {
    const labels = () => tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 4);
    const images = () => tf.randomNormal([4, 3, 8, 8], 0, 1, 'float32', 1);

    for (const convolution of [false, true]) {
      const what = convolution ? 'twin' : 'hybrid';
      it(`saves and loads, and predicts the same: ${what}`, async () => {
        const model = tiny({convolution});
        const x = images();
        step(model, new AdamW(), x, labels()).dispose();
        const loaded = await savedAndLoaded(model);
        const expected = await (model.predict(x) as tf.Tensor).data();
        const actual = await (loaded.predict(x) as tf.Tensor).data();
        // tfjs's webgpu backend computes with small tensors that are not on the GPU yet, as loaded weights are, on the CPU.
        if (backend === 'webgpu') expectAbsClose('logits', actual, expected, 1e-5);
        else expectBitEqual('logits', actual, expected);
      });
    }

    it('leaks nothing in training', () => {
      const model = tiny({dropPath: 0.2, dropout: 0.1});
      const optimizer = new AdamW();
      const [x, y] = [images(), labels()];
      step(model, optimizer, x, y).dispose();
      const {numTensors, numBytes} = tf.memory();
      for (let i = 0; i < (backend === 'wasm' ? 10 : 2); i++) step(model, optimizer, x, y).dispose();
      expect(tf.memory()).to.include({numTensors, numBytes});
    });
  });

  eachBackend(
    () => {
      for (const convolution of [false, true]) {
        it(`learns 8 images by heart within 200 steps: ${convolution ? 'twin' : 'hybrid'}`, async () => {
          const args = {numClasses: 4, widths: [16, 32], inputShape: [3, 16, 16] as [number, number, number]};
          const model = small({...args, convolution, logitScale: 1});
          const x = tf.randomNormal([8, 3, 16, 16], 0, 1, 'float32', 1);
          const y = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], 'int32'), 4);
          const optimizer = new AdamW({learningRate: 3e-3, weightDecay: 0});
          let loss = Number.POSITIVE_INFINITY;
          for (let i = 0; i < 200 && loss >= 0.01; i++) {
            [loss] = await step(model, optimizer, x, y).data();
          }
          expect(loss).to.be.lessThan(0.01);
        });
      }
    },
    {only: ['wasm', 'tensorflow']},
  );
});
