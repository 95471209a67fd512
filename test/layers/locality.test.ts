/** The options of locality of swinT and swinBlock: depthwise 3x3 convolutions in three places, and layer scale. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {SwinBlockAttrs} from '../../kernels/contracts/swin_block.js';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';
import {
  type SwinBlockArrays,
  swinBlockGradReference,
  swinBlockReference,
} from '../../kernels/reference/swin_block.js';
import {SwinBlock, SwinT, type SwinTArgs, swinBlock, swinT} from '../../layers/index.js';
import {modelInfo} from '../../src/model_info.js';
import {eachBackend} from '../helpers/backends.js';
import {expectAbsClose, expectBitEqual, expectRelativeClose} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

type Locality = Pick<SwinTArgs, 'mlpConvolution' | 'positionConvolution' | 'valueConvolution' | 'layerScale'>;

const all: Locality = {
  ...{mlpConvolution: true, positionConvolution: true, valueConvolution: true},
  layerScale: 0.1,
};

/** Each option alone, and all together. */
const each: [string, Locality][] = [
  ...Object.entries(all).map(([name, value]): [string, Locality] => [name, {[name]: value}]),
  ['all of them', all],
];

const variants = ['v1', 'v2', 'miziha'] as const;

/** Names of the weights of a block, as the operation calls them. */
const inputNames: Readonly<Record<string, keyof SwinBlockArrays>> = {
  'pos.conv.weight': 'positionWeight',
  'pos.conv.bias': 'positionBias',
  'norm1.weight': 'gamma1',
  'norm1.bias': 'beta1',
  'attn.qkv.weight': 'qkvWeight',
  'attn.qkv.bias': 'qkvBias',
  'attn.relative_position_bias_table': 'table',
  'attn.proj.weight': 'projWeight',
  'attn.proj.bias': 'projBias',
  'attn.lepe.weight': 'valueWeight',
  'attn.lepe.bias': 'valueBias',
  layer_scale1: 'layerScale1',
  'norm2.weight': 'gamma2',
  'norm2.bias': 'beta2',
  'mlp.fc1.weight': 'fc1Weight',
  'mlp.fc1.bias': 'fc1Bias',
  'mlp.conv.weight': 'hiddenWeight',
  'mlp.conv.bias': 'hiddenBias',
  'mlp.fc2.weight': 'fc2Weight',
  'mlp.fc2.bias': 'fc2Bias',
  layer_scale2: 'layerScale2',
};

/** Without the name of the layer, which stands before them once it has been applied. */
const namesOf = (layer: tf.layers.Layer) =>
  layer.weights.map(({originalName}) => originalName.replace(/^.*\//, ''));
const apply = (layer: tf.layers.Layer, x: tf.Tensor, training = false) =>
  layer.apply(x, {training}) as tf.Tensor;

/** Fills a layer with random weights, and builds it. */
function fill(layer: tf.layers.Layer, x: tf.Tensor): void {
  tf.dispose(apply(layer, x));
  const values = layer
    .getWeights()
    .map(({shape}, i) => tf.randomNormal(shape, 0, shape.length === 2 ? 0.3 : 0.5, 'float32', i + 1));
  layer.setWeights(values);
  tf.dispose(values);
}

async function arrayOf(tensor: tf.Tensor): Promise<NdArray> {
  return ndArray(tensor.shape, await tensor.data());
}

describe('locality', () => {
  eachBackend((backend) => {
    const tolerance = backend === 'webgpu' ? 1e-4 : 1e-5;

    for (const variant of ['v1', 'miziha'] as const) {
      for (const [name, options] of each) {
        it(`${variant}, ${name}: a block and all its gradients are those of the float64 reference`, async () => {
          const args = {numHeads: 2, windowSize: 3, variant, shifted: true, mlpRatio: 1.5} as const;
          const layer = swinBlock({...args, ...options, dataFormat: 'channelsLast'});
          const x = tf.variable(tf.randomNormal([2, 5, 4, 8], 0, 1, 'float32', 5));
          fill(layer, x);
          const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
          const names = namesOf(layer);
          const arrays: Record<string, NdArray> = {x: await arrayOf(x)};
          for (const [i, one] of names.entries()) arrays[inputNames[one]] = await arrayOf(weights[i]);
          const windows = {numHeads: 2, windowSize: [3, 3], shift: [1, 1], padding: 'masked'} as const;
          const attrs: SwinBlockAttrs = {
            attention: {...windows, score: 'dot', scale: 0.5},
            norm: variant === 'v1' ? 'pre' : 'post',
            epsilon: 1e-5,
          };
          const given = arrays as unknown as SwinBlockArrays;

          const y = apply(layer, x);
          expectRelativeClose('y', await y.data(), swinBlockReference(given, attrs).data, tolerance);
          const dy = tf.randomNormal(y.shape, 0, 1, 'float32', 6);
          const loss = () => tf.sum(tf.mul(apply(layer, x, true), dy)) as tf.Scalar;
          const {value, grads} = tf.variableGrads(loss, [x, ...weights]);
          const expected = swinBlockGradReference(given, attrs, await arrayOf(dy));
          expectRelativeClose('dx', await grads[x.name].data(), expected.x.data, tolerance, 1);
          for (const [i, one] of names.entries()) {
            const found = await grads[weights[i].name].data();
            expectRelativeClose(one, found, expected[inputNames[one]].data, tolerance, 1);
          }
          tf.dispose([x, y, dy, value, grads]);
          layer.dispose();
        });
      }
    }

    it('with layer scale 0 starts as the identity, and learns all the same', async () => {
      const x = tf.randomNormal([2, 8, 5, 6], 0, 1, 'float32', 1);
      for (const variant of variants) {
        const layer = swinT({numHeads: 2, windowSize: 4, variant, ...all, layerScale: 0});
        const y = apply(layer, x);
        expectBitEqual(variant, await y.data(), await x.data());
        const target = tf.randomNormal(x.shape, 0, 1, 'float32', 2);
        // Its steps do not depend on how small a gradient is.
        const optimizer = tf.train.adam(0.01);
        const loss = () => tf.losses.meanSquaredError(target, apply(layer, x, true)) as tf.Scalar;
        const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
        const before = await Promise.all(weights.map((weight) => weight.data()));
        for (let step = 0; step < 3; step++) optimizer.minimize(loss, false, weights);
        const after = await Promise.all(weights.map((weight) => weight.data()));
        const names = namesOf(layer);
        const still = names.filter((_, i) => after[i].every((v, j) => v === before[i][j]));
        expect(still, variant).to.deep.equal([]);
        tf.dispose([y, target]);
        optimizer.dispose();
        layer.dispose();
      }
      x.dispose();
    });

    it('leaks nothing in 50 forwards and 10 training steps', async () => {
      const layer = swinT({
        numHeads: 2,
        windowSize: 4,
        ...all,
        outChannels: 6,
        downsample: true,
        dropPath: 0.1,
      });
      const model = tf.sequential({layers: [tf.layers.inputLayer({inputShape: [4, 7, 6]}), layer]});
      const [x, y] = [tf.randomNormal([2, 4, 7, 6]), tf.randomNormal([2, 6, 4, 3])];
      model.compile({optimizer: tf.train.adam(1e-3), loss: 'meanSquaredError'});
      const forward = () => tf.dispose(model.predict(x));
      const step = () => model.trainOnBatch(x, y);
      forward();
      await step();
      await step();
      const before = tf.memory();
      for (let i = 0; i < 50; i++) forward();
      for (let i = 0; i < 10; i++) await step();
      expect(tf.memory().numTensors).to.equal(before.numTensors);
      expect(tf.memory().numDataBuffers).to.equal(before.numDataBuffers);
      tf.dispose([x, y]);
      model.dispose();
    });

    if (backend === 'cpu' || backend === 'tensorflow') return;

    it('runs on our own kernels, without gradients and with them', async () => {
      const x = tf.randomNormal([2, 8, 8, 8]);
      const kernelsOf = async (options: Locality, training: boolean) => {
        const layer = swinBlock({numHeads: 2, windowSize: 4, dataFormat: 'channelsLast', ...options});
        tf.dispose(apply(layer, x));
        const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
        const {kernels} = await tf.profile(() => {
          if (!training) return apply(layer, x);
          const loss = () => tf.sum(apply(layer, x, true)) as tf.Scalar;
          return tf.variableGrads(loss, weights).value;
        });
        return new Set(kernels.map(({name}) => name));
      };
      const whole = await kernelsOf({positionConvolution: true, layerScale: 0.1}, false);
      expect(whole).to.include.keys('SwintBlock', 'SwintDepthwiseConvolution');
      for (const [name, options] of each) {
        for (const training of [false, true]) {
          const kernels = await kernelsOf(options, training);
          const stock = [...kernels].filter((one) => /Conv|MatMul|Pool|Erf|Softmax/.test(one));
          expect(
            stock.filter((one) => !one.startsWith('Swint')),
            `${name}, ${training ? 'training' : 'inference'}`,
          ).to.deep.equal([]);
        }
      }
      x.dispose();
    });
  });

  describe('as options of a layer', () => {
    const base = {numHeads: 2, windowSize: 4};

    it('name their weights, which start as the published ones', () => {
      const layer = swinT({...base, ...all});
      layer.build([null, 8, null, null]);
      const first = namesOf(layer).filter((name) => name.startsWith('blocks.0.'));
      expect(first.map((name) => name.slice('blocks.0.'.length))).to.deep.equal(Object.keys(inputNames));
      for (const weight of layer.weights) {
        const {originalName, shape} = weight;
        const values = weight.read().dataSync() as Float32Array;
        if (/layer_scale/.test(originalName)) {
          expect([shape, ...new Set(values)]).to.deep.equal([[8], Math.fround(0.1)]);
        }
        if (/pos\.conv|(lepe|conv)\.bias/.test(originalName)) {
          expect([...new Set(values)], originalName).to.deep.equal([0]);
        }
        if (/lepe\.weight|mlp\.conv\.weight/.test(originalName)) {
          expect(shape).to.deep.equal([3, 3, originalName.includes('mlp') ? 32 : 8, 1]);
          expect(Math.max(...values.map(Math.abs))).to.be.within(0.25, 1 / 3);
        }
      }
    });

    it('are off by default: no weight more, no word more in the configuration', () => {
      const layer = swinT(base);
      layer.build([null, 8, null, null]);
      expect(namesOf(layer).filter((name) => /conv|lepe|scale/.test(name))).to.deep.equal([]);
      for (const config of [layer.getConfig(), swinBlock(base).getConfig()]) {
        expect(Object.keys(config).filter((name) => name in all)).to.deep.equal([]);
      }
    });

    it('that do nothing leave the published layer as it is', () => {
      const x = tf.randomNormal([2, 8, 9, 6], 0, 1, 'float32', 3);
      for (const variant of variants) {
        const plain = swinT({...base, variant});
        const local = swinT({...base, variant, ...all});
        fill(plain, x);
        tf.dispose(apply(local, x));
        const values = new Map(namesOf(plain).map((name, i) => [name, plain.getWeights()[i]]));
        local.setWeights(
          local.getWeights().map((weight, i) => {
            const name = namesOf(local)[i];
            return (
              values.get(name) ?? (/layer_scale/.test(name) ? tf.onesLike(weight) : tf.zerosLike(weight))
            );
          }),
        );
        const [a, b] = [apply(plain, x), apply(local, x)];
        expectAbsClose(variant, b.dataSync(), a.dataSync(), 1e-5);
      }
    });

    for (const [name, options] of each) {
      for (const variant of variants) {
        it(`save and load bit-equal: ${variant}, ${name}`, async () => {
          const layer = swinT({...base, ...options, variant, inputShape: [8, 5, 6]} as SwinTArgs);
          const model = tf.sequential({layers: [layer, swinBlock({...base, ...options, variant})]});
          for (const one of model.layers) fill(one, tf.ones([1, 8, 5, 6]));
          const loaded = await savedAndLoaded(model);
          const x = tf.randomNormal([2, 8, 5, 6]);
          const [a, b] = [model.predict(x), loaded.predict(x)] as tf.Tensor[];
          expectBitEqual('y', b.dataSync(), a.dataSync());
          for (const [i, one] of model.layers.entries()) {
            expect(loaded.layers.at(i - model.layers.length)?.getConfig()).to.deep.equal(one.getConfig());
            for (const [key, value] of Object.entries(options)) {
              expect(one.getConfig()[key], key).to.equal(value);
            }
          }
          tf.dispose([x, a, b]);
          model.dispose();
        });
      }
    }

    it('compute the same in both data formats', () => {
      for (const variant of variants) {
        const args: SwinTArgs = {...base, variant, ...all, outChannels: 6, downsample: true};
        const first = swinT(args);
        const last = swinT({...args, dataFormat: 'channelsLast'});
        const x = tf.randomNormal([2, 8, 9, 6], 0, 1, 'float32', 4);
        const turned = tf.transpose(x, [0, 2, 3, 1]);
        fill(first, x);
        fill(last, turned);
        const a = apply(first, x);
        const b = tf.transpose(apply(last, turned), [0, 3, 1, 2]);
        expectAbsClose(variant, a.dataSync(), b.dataSync(), 1e-6);
      }
    });

    it('stay as they are while frozen, and train once they are thawed', async () => {
      const layer = swinT({...base, ...all, inputShape: [8, 4, 4]} as SwinTArgs);
      const model = tf.sequential({layers: [layer, tf.layers.flatten(), tf.layers.dense({units: 1})]});
      const [x, y] = [tf.randomNormal([4, 8, 4, 4]), tf.randomNormal([4, 1])];
      const snapshot = () => layer.getWeights().map((w) => Array.from(w.dataSync()));
      layer.trainable = false;
      model.compile({optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError'});
      const before = snapshot();
      await model.fit(x, y, {epochs: 1, verbose: 0});
      expect(snapshot()).to.deep.equal(before);
      layer.trainable = true;
      model.compile({optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError'});
      await model.fit(x, y, {epochs: 2, verbose: 0});
      const after = snapshot();
      const moved = namesOf(layer).filter((_, i) => after[i].some((value, j) => value !== before[i][j]));
      expect(moved.filter((name) => /conv|lepe|scale/.test(name)).length).to.equal(16);
    });

    it('go with dropout and drop-path, in training only', () => {
      const x = tf.randomNormal([4, 8, 4, 4], 0, 1, 'float32', 9);
      const layer = swinT({...base, ...all, dropout: 0.3, attentionDropout: 0.2, dropPath: 0.3, seed: 2});
      fill(layer, x);
      const still = apply(layer, x).dataSync();
      expectBitEqual('inference', apply(layer, x).dataSync(), still);
      const trained = Array.from(apply(layer, x, true).dataSync());
      expect(trained.every(Number.isFinite)).to.equal(true);
      expect(trained).to.not.deep.equal(Array.from(still));
    });

    it('count in modelInfo', () => {
      const cost = (options: Locality) => {
        const model = tf.sequential({
          layers: [swinT({...base, ...options, mlpRatio: 2, inputShape: [8, 6, 5]} as SwinTArgs)],
        });
        const {multiplyAdds, parameters} = modelInfo(model);
        model.dispose();
        return {multiplyAdds, parameters};
      };
      const plain = cost({});
      const more = (options: Locality) => {
        const {multiplyAdds, parameters} = cost(options);
        return [multiplyAdds - plain.multiplyAdds, parameters - plain.parameters];
      };
      // Two blocks over 30 cells, nine taps; widths 8 and 16.
      expect(more({positionConvolution: true})).to.deep.equal([2 * 30 * 9 * 8, 2 * (9 * 8 + 8)]);
      expect(more({valueConvolution: true})).to.deep.equal([2 * 30 * 9 * 8, 2 * (9 * 8 + 8)]);
      expect(more({mlpConvolution: true})).to.deep.equal([2 * 30 * 9 * 16, 2 * (9 * 16 + 16)]);
      expect(more({layerScale: 0})).to.deep.equal([0, 2 * 2 * 8]);
    });

    it('are checked', () => {
      for (const make of [swinT, swinBlock] as ((args: never) => tf.layers.Layer)[]) {
        for (const name of ['mlpConvolution', 'positionConvolution', 'valueConvolution']) {
          const call = () => make({...base, name: 'a', [name]: 'yes'} as never);
          expect(call).to.throw(`(a): ${name} must be true or false; got 'yes'.`);
        }
        for (const value of [-0.1, Number.NaN, true, 'small']) {
          const call = () => make({...base, layerScale: value} as never);
          expect(call, String(value)).to.throw(/layerScale must be a number from 0; got .* \(it is what the/);
        }
        // A saved configuration may hold null.
        make({...base, mlpConvolution: null, layerScale: null} as never);
      }
      expect([SwinT.className, SwinBlock.className]).to.deep.equal(['SwinT', 'SwinBlock']);
    });
  });
});
