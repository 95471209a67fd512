import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../architectures/index.js';
import {ConfigError} from '../../kernels/index.js';
import {AdamW} from '../../src/training/adamw.js';
import {eachBackend} from '../helpers/backends.js';
import {expectAbsClose, expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

const ofClass = (model: tf.LayersModel, name: string) =>
  model.layers.filter((layer) => layer.getClassName() === name);

/** One step on images and one-hot labels; returns the loss. */
async function step(
  model: tf.LayersModel,
  optimizer: tf.Optimizer,
  images: tf.Tensor,
  labels: tf.Tensor,
): Promise<number> {
  const cost = optimizer.minimize(
    () =>
      tf.losses.softmaxCrossEntropy(labels, model.apply(images, {training: true}) as tf.Tensor) as tf.Scalar,
    true,
  ) as tf.Scalar;
  const [loss] = await cost.data();
  cost.dispose();
  return loss;
}

describe('swinResNet', () => {
  describe('in CIFAR form', () => {
    it('has a quarter to a whole million parameters and maps of 16, 8 and 4', () => {
      for (const depth of [14, 20, 29]) {
        const model = swinResNet({depth, numClasses: 10});
        expect(model.countParams(), `depth ${depth}`).to.be.within(0.25e6, 1e6);
        const sizes = ofClass(model, 'SwinT').map((layer) => (layer.outputShape as number[])[1]);
        expect(new Set(sizes)).to.deep.equal(new Set([16, 8, 4]));
        expect(model.inputs[0].shape).to.deep.equal([null, 3, 32, 32]);
        expect(model.outputs[0].shape).to.deep.equal([null, 10]);
      }
    });

    it('has a twin of the same shapes with a 3x3 convolution for each SwinT', () => {
      const model = swinResNet({numClasses: 10});
      const twin = swinResNet({numClasses: 10, convolution: true});
      const swin = ofClass(model, 'SwinT');
      const names = swin.map(({name}) => name.replace(/\.swin$/, '.conv'));
      expect(swin.length).to.equal(4);
      for (const [i, name] of names.entries()) {
        expect((twin.getLayer(name) as unknown as {kernelSize: number[]}).kernelSize).to.deep.equal([3, 3]);
        expect(twin.getLayer(name).outputShape).to.deep.equal(swin[i].outputShape);
      }
      // Everything else is there under the same name, with the same shapes.
      const others = model.layers.filter((layer) => !swin.includes(layer));
      for (const layer of others) {
        expect(twin.getLayer(layer.name).outputShape, layer.name).to.deep.equal(layer.outputShape);
        expect(twin.getLayer(layer.name).countParams(), layer.name).to.equal(layer.countParams());
      }
      const extra = twin.layers
        .map(({name}) => name)
        .filter((name) => !model.layers.some((l) => l.name === name));
      expect(extra.sort()).to.deep.equal(
        names.flatMap((name) => [name, `${name}.bn`, `${name}.relu`]).sort(),
      );
    });

    it('transposes once, at the input', () => {
      const model = swinResNet({numClasses: 10});
      expect(ofClass(model, 'Permute').length).to.equal(1);
      expect(
        ofClass(model, 'SwinT').every((layer) => layer.getConfig().dataFormat === 'channelsLast'),
      ).to.equal(true);
    });

    it('gives the same for both data formats', () => {
      const first = swinResNet({numClasses: 3, seed: 1, inputShape: [3, 16, 16]});
      const last = swinResNet({numClasses: 3, seed: 1, inputShape: [16, 16, 3], dataFormat: 'channelsLast'});
      const x = tf.randomNormal([2, 3, 16, 16]);
      const y = last.predict(tf.transpose(x, [0, 2, 3, 1])) as tf.Tensor;
      expectBitEqual('y', (first.predict(x) as tf.Tensor).dataSync(), y.dataSync());
    });

    it('spaces drop-path linearly from 0 to its rate', () => {
      const model = swinResNet({numClasses: 10, depth: 20, dropPath: 0.5});
      const rates = ofClass(model, 'SwinT').map((layer) => (layer.getConfig().dropPath as number[])[0]);
      for (const [i, rate] of rates.entries()) expect(rate).to.be.closeTo(0.1 * i, 1e-9);
    });

    it('starts from the same weights with the same seed', () => {
      const weights = (seed: number) =>
        swinResNet({numClasses: 3, seed, inputShape: [3, 8, 8]})
          .getWeights()
          .map((w) => Array.from(w.dataSync()));
      expect(weights(4)).to.deep.equal(weights(4));
      expect(weights(4)).to.not.deep.equal(weights(5));
    });

    it('takes an activation for its classifier', () => {
      const model = swinResNet({numClasses: 4, classifierActivation: 'softmax', inputShape: [3, 8, 8]});
      const y = (model.predict(tf.randomNormal([3, 3, 8, 8])) as tf.Tensor).sum(1).dataSync();
      for (const total of y) expect(total).to.be.closeTo(1, 1e-5);
    });
  });

  describe('in the form of the original demonstration', () => {
    const model = swinResNet({depth: 50, numClasses: 12});

    it('has stages of 3, 4, 6 and 3 blocks with 4, 8, 16 and 32 heads in windows of 7', () => {
      const swin = ofClass(model, 'SwinT').map((layer) => layer.getConfig());
      expect(swin.map(({numHeads}) => numHeads)).to.deep.equal([
        ...[4, 4, 4],
        ...[8, 8, 8, 8],
        ...[16, 16, 16, 16, 16, 16],
        32,
      ]);
      expect(swin.every(({windowSize}) => JSON.stringify(windowSize) === '[7,7]')).to.equal(true);
      expect(swin.filter(({downsample}) => downsample).length).to.equal(3);
    });

    it('keeps a 3x3 convolution where the map is 7x7', () => {
      for (const name of ['stage4.block2.conv', 'stage4.block3.conv']) {
        expect(model.getLayer(name).outputShape).to.deep.equal([null, 7, 7, 512]);
      }
    });

    it('has a head of two layers with a layer norm between them', () => {
      const tail = model.layers.slice(-7).map((layer) => layer.getClassName());
      expect(tail).to.deep.equal([
        'GlobalAveragePooling2D',
        'Dropout',
        'Dense',
        'LayerNormalization',
        'Dropout',
        'LeakyReLU',
        'Dense',
      ]);
      expect(model.getLayer('head.fc').outputShape).to.deep.equal([null, 256]);
    });

    it('has the parameters of ResNet-50 in its twin', () => {
      // ResNet-50 without its classifier has 23,508,032 parameters and 53,120 moving statistics; this head has more.
      const twin = swinResNet({depth: 50, numClasses: 12, convolution: true});
      const head = 2048 * 256 + 256 + 2 * 256 + 256 * 12 + 12;
      expect(twin.countParams()).to.equal(23_508_032 + 53_120 + head);
    });

    it('runs on a small image of the same form', () => {
      const small = swinResNet({
        depth: 50,
        numClasses: 3,
        inputShape: [3, 64, 64],
        widths: [8, 16, 16, 16],
        numHeads: [1, 2, 2, 2],
      });
      expect((small.predict(tf.zeros([1, 3, 64, 64])) as tf.Tensor).shape).to.deep.equal([1, 3]);
    });
  });

  describe('bad arguments', () => {
    const cases: [string, object, RegExp][] = [
      [
        'an unknown depth',
        {depth: 18, numClasses: 10},
        /depth must be one of 10, 14, 20, 29, 50, 101, 152; got 18/,
      ],
      ['no classes', {}, /numClasses must be a whole number from 1; got undefined/],
      [
        'too few widths',
        {numClasses: 2, widths: [8, 16]},
        /widths must be 3 numbers, one per stage, each a whole number from 1; got \[8, 16\]/,
      ],
      [
        'a head of zero',
        {numClasses: 2, numHeads: [1, 0, 1]},
        /numHeads must be 3 numbers, one per stage, each a whole number from 1; got \[1, 0, 1\]/,
      ],
      ['dropPath 1', {numClasses: 2, dropPath: 1}, /dropPath must be a number in \[0, 1\)/],
      [
        'heads that do not divide',
        {numClasses: 2, numHeads: [5, 2, 2]},
        /numHeads must divide the input channels/,
      ],
    ];
    for (const [name, args, message] of cases) {
      it(`${name}: one ConfigError`, () => {
        expect(() => swinResNet(args as never)).to.throw(ConfigError, message);
      });
    }
  });

  eachBackend((backend) => {
    // Small, for the plain cpu backend and the software GPU.
    const inputShape: [number, number, number] = [3, 8, 8];
    const widths = [8, 8, 16];
    const [images, labels] = [
      () => tf.randomNormal([4, ...inputShape], 0, 1, 'float32', 1),
      () => tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 4),
    ];

    it('saves and loads, and predicts the same', async () => {
      const model = swinResNet({numClasses: 4, inputShape, widths, seed: 2});
      const x = images();
      await step(model, new AdamW(), x, labels());
      const loaded = await savedAndLoaded(model);
      const weights = model.getWeights();
      for (const [i, weight] of loaded.getWeights().entries()) {
        expectBitEqual(loaded.weights[i].name, await weight.data(), await weights[i].data());
      }
      const expected = await (model.predict(x) as tf.Tensor).data();
      const actual = await (loaded.predict(x) as tf.Tensor).data();
      // tfjs's webgpu backend computes with small tensors that are not on the GPU yet, as loaded weights are, on the CPU.
      if (backend === 'webgpu') expectAbsClose('logits', actual, expected, 1e-5);
      else expectBitEqual('logits', actual, expected);
    });

    it('leaks nothing in training', async () => {
      const model = swinResNet({numClasses: 4, inputShape, widths, seed: 2, dropPath: 0.2, dropout: 0.1});
      const optimizer = new AdamW();
      const [x, y] = [images(), labels()];
      await step(model, optimizer, x, y);
      const {numTensors, numBytes} = tf.memory();
      for (let i = 0; i < (backend === 'wasm' ? 10 : 2); i++) await step(model, optimizer, x, y);
      expect(tf.memory()).to.include({numTensors, numBytes});
    });
  });

  eachBackend(
    () => {
      for (const variant of ['v1', 'v2', 'miziha', 'convolution'] as const) {
        it(`learns 8 images by heart within 200 steps: ${variant}`, async () => {
          const convolution = variant === 'convolution';
          const model = swinResNet({
            numClasses: 4,
            inputShape: [3, 16, 16],
            seed: 3,
            ...(convolution ? {convolution} : {variant}),
          });
          const x = tf.randomNormal([8, 3, 16, 16], 0, 1, 'float32', 1);
          const y = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], 'int32'), 4);
          const optimizer = new AdamW({learningRate: 3e-3, weightDecay: 0});
          let loss = Number.POSITIVE_INFINITY;
          let steps = 0;
          while (loss >= 0.01 && steps++ < 200) loss = await step(model, optimizer, x, y);
          expect(loss).to.be.lessThan(0.01);
        });
      }
    },
    {only: ['wasm', 'tensorflow']},
  );
});
