import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinBackbone, swinResNet, swinTransformer, swinUNet} from '../../../architectures/index.js';
import {batchNormalization, swinT} from '../../../layers/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {assignWeights} from '../../../src/weights/load_weights.js';
import {openSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectBitEqual} from '../../helpers/compare.js';

const small = {embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 4, patchSize: 2};

/** Any model with a convolution, batch normalization and our layer in it. */
function hybrid(): tf.LayersModel {
  const model = tf.sequential();
  model.add(tf.layers.conv2d({name: 'conv', filters: 8, kernelSize: 3, inputShape: [10, 10, 3]}));
  model.add(batchNormalization({name: 'norm1'}));
  model.add(swinT({numHeads: 2, windowSize: 4, outChannels: 4, dataFormat: 'channelsLast', name: 'swin'}));
  model.add(tf.layers.flatten({name: 'flat'}));
  model.add(tf.layers.dense({units: 2, name: 'last'}));
  return model;
}

/** Convolutions and factors in the blocks of a SwinT. */
const local = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      swinT({
        ...{name: 'swin', numHeads: 2, windowSize: 4, inputShape: [8, 6, 6], layerScale: 0.1},
        ...{mlpConvolution: true, positionConvolution: true, valueConvolution: true},
      }),
    ],
  });

const kinds: Record<string, () => tf.LayersModel> = {
  swinTransformer: () => swinTransformer({...small, numClasses: 5, absolutePosition: true, imageSize: 16}),
  'swinTransformer V2': () => swinTransformer({...small, numClasses: 5, variant: 'v2'}),
  swinBackbone: () => swinBackbone(small),
  swinUNet: () => swinUNet({...small, numClasses: 2, convolutions: [4]}),
  swinResNet: () => swinResNet({depth: 14, widths: [8, 8, 16], numClasses: 3}),
  'swinResNet V2': () => swinResNet({depth: 14, widths: [8, 8, 16], numClasses: 3, variant: 'v2'}),
  'a convolution twin': () => swinResNet({depth: 14, widths: [8, 8, 16], numClasses: 3, convolution: true}),
  'a model of other layers too': hybrid,
  'convolutions in the blocks': local,
};

/** Every weight random, moving statistics too. */
function randomised(model: tf.LayersModel): tf.LayersModel {
  model.setWeights(
    model.getWeights().map((weight, i) => tf.randomUniform(weight.shape, 0.1, 2, 'float32', i)),
  );
  return model;
}

describe('the layout of tfjs-swint', () => {
  for (const [name, make] of Object.entries(kinds)) {
    it(`${name}: every weight under its name, axes as they are, read back bit-equal`, async () => {
      const model = randomised(make());
      const bytes = await saveWeights(model, {layout: 'tfjs-swint'});
      const file = openSafetensors(bytesSource(bytes));
      expect([...file.tensors.keys()]).to.have.members(model.weights.map(({originalName}) => originalName));
      for (const weight of model.weights) {
        expect(file.tensors.get(weight.originalName)?.shape).to.deep.equal(weight.shape);
      }
      const other = make();
      const report = assignWeights(other, bytesSource(bytes));
      expect(report.layout).to.equal('tfjs-swint');
      expect(report.matched.length).to.equal(model.weights.length);
      expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);
      const expected = model.getWeights();
      for (const [i, weight] of other.getWeights().entries()) {
        expectBitEqual(model.weights[i].originalName, weight.dataSync(), expected[i].dataSync());
      }
    });
  }

  it('keeps moving statistics of batch normalization', async () => {
    const file = openSafetensors(
      bytesSource(await saveWeights(randomised(hybrid()), {layout: 'tfjs-swint'})),
    );
    const names = [...file.tensors.keys()].map((name) => name.replace(/^.*\//, ''));
    expect(names).to.include.members(['moving_mean', 'moving_variance', 'gamma', 'beta']);
  });

  it('keeps the last layer for other classes, and resizes the tables of another window', async () => {
    const args = {depth: 14, widths: [8, 8, 16]};
    const bytes = await saveWeights(swinResNet({...args, numClasses: 3}), {layout: 'tfjs-swint'});
    const classes = assignWeights(swinResNet({...args, numClasses: 4}), bytesSource(bytes));
    expect(classes.missing).to.deep.equal(['classifier.kernel', 'classifier.bias']);
    const window = assignWeights(swinResNet({...args, numClasses: 3, windowSize: 3}), bytesSource(bytes));
    expect(window.resized.length).to.be.above(0);
    expect(window.resized.every((name) => name.endsWith('relative_position_bias_table'))).to.equal(true);
  });

  it('no other layout has a place for the weights of any model', async () => {
    for (const layout of ['microsoft', 'timm', 'torchvision', 'huggingface'] as const) {
      const error = await saveWeights(kinds.swinUNet(), {layout}).catch((e: Error) => e);
      expect(error).to.be.instanceOf(CheckpointError);
      expect((error as Error).message).to.match(
        /must have a place for every weight; .*'tfjs-swint' takes any model/,
      );
    }
    const position = await saveWeights(kinds.swinTransformer(), {layout: 'torchvision'}).catch(
      (e: Error) => e,
    );
    expect((position as Error).message).to.match(/none for absolute_pos_embed/);
  });

  it('is half as large in float16, each value the nearest', async () => {
    const model = randomised(kinds.swinTransformer());
    const [full, half] = await Promise.all(
      (['float32', 'float16'] as const).map((dtype) => saveWeights(model, {layout: 'tfjs-swint', dtype})),
    );
    expect(half.length / full.length).to.be.within(0.5, 0.6);
    const {tensors, values} = openSafetensors(bytesSource(half));
    const exact = openSafetensors(bytesSource(full));
    for (const [name, {dtype, shape}] of tensors) {
      expect(dtype).to.equal('F16');
      expect(shape).to.deep.equal(exact.tensors.get(name)!.shape);
      for (const [i, value] of values(name).entries()) {
        const was = exact.values(name)[i];
        expect(Math.abs(value - was), name).to.be.at.most(2 ** -11 * Math.abs(was));
      }
    }
    assignWeights(model, bytesSource(half));
    for (const [value, error] of [
      [7e4, /values must be within 65504 of 0 to be float16; got others in /],
      [Number.NaN, /float16; got others/],
    ] as const) {
      model.layers.at(-1)!.setWeights(
        model.layers
          .at(-1)!
          .getWeights()
          .map((weight) => tf.fill(weight.shape, value)),
      );
      const failure = await saveWeights(model, {layout: 'tfjs-swint', dtype: 'float16'}).catch(
        (error) => error,
      );
      expect(failure).to.be.instanceOf(CheckpointError);
      expect(failure.message).to.match(error);
    }
    const wrong = await saveWeights(model, {dtype: 'int8' as never}).catch((error) => error);
    expect(wrong.message).to.equal("saveWeights: dtype must be one of 'float32', 'float16'; got 'int8'.");
    model.dispose();
  });
});
