import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {decoderFromEncoder, swinTransformer, swinUNet} from '../../architectures/index.js';
import {ConfigError, ShapeError} from '../../kernels/index.js';
import {cropLike} from '../../layers/index.js';
import {AdamW} from '../../src/training/adamw.js';
import {bytesSource} from '../../src/weights/byte_source.js';
import {assignWeights} from '../../src/weights/load_weights.js';
import {saveWeights} from '../../src/weights/save_weights.js';
import {eachBackend} from '../helpers/backends.js';
import {expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

const small = {numClasses: 2, embedDim: 16, depths: [2, 2, 2], numHeads: [1, 2, 4], windowSize: 4, seed: 1};

describe('swinUNet', () => {
  it('gives logits for every pixel, whatever the size, in both data formats', () => {
    const [first, last] = [swinUNet(small), swinUNet({...small, dataFormat: 'channelsLast'})];
    for (const [height, width] of [
      [32, 32],
      [37, 21],
      [4, 50],
    ]) {
      const x = tf.randomNormal([1, 3, height, width]);
      const y = first.predict(x) as tf.Tensor;
      expect(y.shape).to.deep.equal([1, 2, height, width]);
      const other = last.predict(tf.transpose(x, [0, 2, 3, 1])) as tf.Tensor;
      expectBitEqual('y', tf.transpose(y, [0, 2, 3, 1]).dataSync(), other.dataSync());
    }
  });

  it('has a skip connection from every stage but the last, and stages as deep as those on the way down', () => {
    const model = swinUNet(small);
    const stages = model.layers.filter((layer) => layer.getClassName() === 'SwinT').map(({name}) => name);
    expect(stages).to.have.members(['layers.0', 'layers.1', 'layers.2', 'layers_up.0', 'layers_up.1']);
    for (const d of [0, 1]) {
      expect(model.getLayer(`layers_up.${d}.concat`).input).to.have.length(2);
      expect(model.getLayer(`layers_up.${d}`).getConfig().depth).to.equal(2);
    }
  });

  it('has convolutions at the full resolution where asked for', () => {
    const model = swinUNet({...small, convolutions: [8, 8]});
    expect(model.getLayer('conv_down.0.1').outputShape).to.deep.equal([null, null, null, 8]);
    expect((model.predict(tf.zeros([1, 3, 19, 23])) as tf.Tensor).shape).to.deep.equal([1, 2, 19, 23]);
  });

  it('has the same maps within images of even and odd sizes', () => {
    const model = swinUNet({...small, patchSize: 4, convolutions: [[8], [8], [8]]});
    const names = [0, 1, 2].map((level) => `conv_down.${level}.0.relu`);
    const maps = tf.model({
      inputs: model.inputs,
      outputs: names.map((name) => model.getLayer(name).output as tf.SymbolicTensor),
    });
    const x = tf.randomNormal([1, 3, 21, 22], 0, 1, 'float32', 1);
    const smaller = tf.slice(x, [0, 0, 0, 0], [1, 3, 20, 21]);
    const [large, cut] = [x, smaller].map((one) => maps.predict(one) as tf.Tensor[]);
    for (const level of [0, 1, 2]) {
      const [, rows, columns] = cut[level].shape;
      // The last two cells see the border of the smaller image.
      const inner = (map: tf.Tensor) => tf.slice(map, [0, 0, 0, 0], [1, rows - 2, columns - 2, 8]).dataSync();
      expectBitEqual(`level ${level}`, inner(cut[level]), inner(large[level]));
    }
  });

  it("takes a classifier's weights for all but the patches, where these are made of convolutions", async () => {
    const classifier = swinTransformer({...small, numClasses: 7, seed: 9});
    const model = swinUNet({...small, convolutions: [6]});
    const options = {strict: false, adaptChannels: 'new'} as const;
    const report = assignWeights(model, bytesSource(await saveWeights(classifier)), options);
    expect(report.missing).to.include('patch_embed.proj.weight');
    expect(report.missing.filter((name) => /^layers\./.test(name))).to.deep.equal([]);
    expect(report.matched).to.include('layers.0.blocks.0.attn.qkv.weight');
  });

  it('has convolutions at several resolutions where asked for, and patches of the last', () => {
    for (const patchSize of [2, 4]) {
      const model = swinUNet({...small, patchSize, convolutions: [[8], [12, 10]]});
      expect(model.getLayer('conv_down.1.1').outputShape).to.deep.equal([null, null, null, 10]);
      const cells = patchSize / 2;
      expect(model.getLayer('patch_embed').getWeights()[0].shape).to.deep.equal([cells, cells, 10, 16]);
      for (const level of [0, 1]) expect(model.getLayer(`conv_up.${level}.concat`).input).to.have.length(2);
      expect((model.predict(tf.zeros([1, 3, 19, 23])) as tf.Tensor).shape).to.deep.equal([1, 2, 19, 23]);
    }
  });

  it("takes a classifier's weights for the way down, and from there for the way up", async () => {
    const classifier = swinTransformer({...small, numClasses: 7, seed: 9});
    const model = swinUNet(small);
    const report = assignWeights(model, bytesSource(await saveWeights(classifier)), {strict: false});
    expect(report.unexpected).to.deep.equal(['head.weight', 'head.bias']);
    expect(
      report.missing.every((name) => /^(layers_up|concat_back_dim|norm_up|up|output)\b/.test(name)),
    ).to.equal(true);
    expect(decoderFromEncoder(model)).to.deep.equal(['layers_up.0', 'layers_up.1']);
    for (const [up, down] of [
      ['layers_up.0', 'layers.1'],
      ['layers_up.1', 'layers.0'],
    ]) {
      const expected = classifier.getLayer(down).getWeights();
      for (const [i, weight] of model.getLayer(up).getWeights().entries()) {
        expectBitEqual(`${up} ${i}`, weight.dataSync(), expected[i].dataSync());
      }
    }
  });

  const bad: [string, object, RegExp][] = [
    ['no classes', {}, /numClasses must be a whole number from 1; got undefined/],
    ['too many decoder depths', {...small, decoderDepths: [2, 2, 2]}, /decoderDepths must be 2 numbers/],
    [
      'patches of two sides',
      {...small, patchSize: [4, 2]},
      /patchSize must be the same on both axes; got \[4, 2\]/,
    ],
    [
      'more resolutions than patches have',
      {...small, convolutions: [[8], [8], [8], [8]]},
      /patchSize must be a multiple of the last convolutions' stride, 8; got 4 \(8, 16, or fewer/,
    ],
    [
      'a resolution without convolutions',
      {...small, convolutions: [[8], []]},
      /convolutions must be widths, or one list of widths per resolution; got \[\[8\], \[\]\]/,
    ],
    [
      'half a channel',
      {...small, convolutions: [[8], [2.5]]},
      /convolutions must be a whole number from 1; got 2.5/,
    ],
  ];
  for (const [name, args, message] of bad) {
    it(`${name}: one ConfigError`, () => {
      expect(() => swinUNet(args as never)).to.throw(ConfigError, message);
    });
  }

  it('cropLike refuses a map that is too small, and what is no pair of maps', () => {
    const layer = cropLike();
    const [large, map] = [tf.zeros([1, 4, 4, 2]), tf.zeros([1, 3, 4, 1])];
    expect((layer.apply([large, map]) as tf.Tensor).shape).to.deep.equal([1, 3, 4, 2]);
    expect(() => layer.apply([map, large])).to.throw(ShapeError, /as large as the other one/);
    expect(() => cropLike().apply(large)).to.throw(ShapeError, /two maps/);
  });

  eachBackend(
    () => {
      for (const convolutions of [[8], [[8], [8]]])
        it(`learns the mask of an image by heart with ${JSON.stringify(convolutions)}, saves and loads`, async () => {
          const model = swinUNet({...small, convolutions, dropPath: 0});
          const [size, batch] = [16, 2];
          const x = tf.randomNormal([batch, 3, size, size], 0, 1, 'float32', 1);
          const inside = tf.cast(tf.greater(tf.slice(x, [0, 0, 0, 0], [-1, 1, -1, -1]), 0), 'float32');
          const target = tf.concat([tf.sub(1, inside), inside], 1);
          const optimizer = new AdamW({learningRate: 3e-3, weightDecay: 0});
          let loss = Number.POSITIVE_INFINITY;
          for (let step = 0; step < 80 && loss > 0.1; step++) {
            const cost = optimizer.minimize(() => {
              const logits = tf.transpose(model.apply(x, {training: true}) as tf.Tensor, [0, 2, 3, 1]);
              return tf.losses.softmaxCrossEntropy(tf.transpose(target, [0, 2, 3, 1]), logits) as tf.Scalar;
            }, true) as tf.Scalar;
            [loss] = await cost.data();
            cost.dispose();
          }
          expect(loss).to.be.below(0.1);
          const loaded = await savedAndLoaded(model);
          const [expected, actual] = [model, loaded].map((one) => one.predict(x) as tf.Tensor);
          expectBitEqual('logits', await actual.data(), await expected.data());
        });
    },
    {only: ['wasm', 'tensorflow']},
  );
});
