import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet, swinTransformer} from '../../../architectures/index.js';
import {swinT} from '../../../layers/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import type {LoadReport} from '../../../src/weights/load_report.js';
import {assignWeights, type LoadWeightsOptions} from '../../../src/weights/load_weights.js';
import {type NamedValues, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {withoutInitialWeights} from '../../helpers/models.js';

/** A model of one SwinT layer, called as a user might. */
function layerModel(args: Partial<Parameters<typeof swinT>[0]> = {}): tf.LayersModel {
  const input = tf.input({shape: [8, 8, 8]});
  const layer = swinT({
    ...{
      name: 'mine',
      numHeads: 2,
      windowSize: 4,
      outChannels: 6,
      variant: 'miziha',
      dataFormat: 'channelsLast',
    },
    ...args,
  });
  return tf.model({inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor});
}

const random = (shape: number[]) =>
  tf.randomNormal(shape, 0, 1, 'float32', shape.length).dataSync() as Float32Array;

/** The state of miziha's SwinT for 8 channels, 2 heads and windows of 4, as its source lists it. */
function stateOf(out: number, {torch = false, downsample = false} = {}): NamedValues[] {
  const dense = (name: string, input: number, output: number): NamedValues[] => {
    const shape = torch ? [output, input] : [input, output];
    return [{name: `${name}.weight`, shape, values: random(shape)}];
  };
  const vector = (name: string, size: number): NamedValues => ({name, shape: [size], values: random([size])});
  const norm = (name: string, size: number) => [vector(`${name}.weight`, size), vector(`${name}.bias`, size)];
  const blocks = [0, 1].flatMap((i) => {
    const at = `blocks.${i}`;
    return [
      ...norm(`${at}.norm1`, 8),
      {name: `${at}.attn.relative_position_bias_table`, shape: [49, 2], values: random([49, 2])},
      {name: `${at}.attn.relative_position_index`, shape: [16, 16], values: random([16, 16])},
      ...dense(`${at}.attn.qkv`, 8, 24),
      vector(`${at}.attn.qkv.bias`, 24),
      ...dense(`${at}.attn.proj`, 8, 8),
      vector(`${at}.attn.proj.bias`, 8),
      ...norm(`${at}.norm2`, 8),
      ...dense(`${at}.mlp.fc1`, 8, 32),
      vector(`${at}.mlp.fc1.bias`, 32),
      ...dense(`${at}.mlp.fc2`, 32, 8),
      vector(`${at}.mlp.fc2.bias`, 8),
    ];
  });
  const cnn = {name: 'cnn.weight', shape: [out, 8, 1, 1], values: random([out, 8])};
  const merging = downsample
    ? [...dense('downsample.reduction', 32, out), ...norm('downsample.norm', 32)]
    : [];
  return [...blocks, cnn, vector('cnn.bias', out), ...merging];
}

const load = (model: tf.LayersModel, state: NamedValues[], options?: LoadWeightsOptions): LoadReport =>
  assignWeights(model, bytesSource(writeSafetensors(state)), options);

const read = (model: tf.LayersModel, name: string) => {
  const weight = model.weights.find(({originalName}) => originalName === `mine/${name}`);
  return (weight as tf.LayersModel['weights'][number]).read();
};

describe('the layout of miziha', () => {
  for (const torch of [false, true]) {
    it(`goes into one SwinT layer, dense kernels as ${torch ? 'PyTorch' : 'Paddle'} has them`, () => {
      const state = stateOf(6, {torch});
      const model = layerModel();
      const report = load(model, state);
      expect(report.layout).to.equal('miziha');
      expect(report.matched.length).to.equal(model.weights.length);
      expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);
      for (const part of ['attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2']) {
        const name = `blocks.1.${part}.weight`;
        const {shape, values} = state.find((one) => one.name === name) as NamedValues;
        const given = tf.tensor(values, [...shape]);
        expectBitEqual(name, read(model, name).dataSync(), (torch ? given.transpose() : given).dataSync());
      }
      const cnn = state.find((one) => one.name === 'cnn.weight') as NamedValues;
      const projection = tf.tensor(cnn.values, [6, 8]).transpose();
      expectBitEqual('cnn', read(model, 'projection.weight').dataSync(), projection.dataSync());
    });
  }

  it('leaves out the 1x1 convolution of a layer that merges, and has one where the channels stay', () => {
    const merging = layerModel({downsample: true});
    expect(load(merging, stateOf(6, {downsample: true})).unexpected).to.deep.equal([]);
    const same = stateOf(8);
    expect(load(layerModel({outChannels: 8, projection: true}), same).missing).to.deep.equal([]);
    expect(() => load(layerModel({outChannels: 8}), same)).to.throw(
      CheckpointError,
      /2 do not, cnn.weight first/,
    );
  });

  it('is the same after loading and saving, in the order of Paddle', async () => {
    const model = layerModel();
    const state = stateOf(6, {torch: true});
    load(model, state);
    const other = layerModel();
    const report = assignWeights(other, bytesSource(await saveWeights(model, {layout: 'miziha'})));
    expect(report.layout).to.equal('miziha');
    for (const [i, weight] of other.getWeights().entries()) {
      expectBitEqual(model.weights[i].originalName, weight.dataSync(), model.getWeights()[i].dataSync());
    }
  });

  it('computes what the source computes: x + LN(attn(x)), x + LN(mlp(x)), then the convolution', () => {
    // With values of zero attention is the projection's bias, and the MLP its second bias, wherever the cell.
    const state = stateOf(6);
    for (const {name, values} of state) if (/qkv|fc2.weight|proj.weight/.test(name)) values.fill(0);
    const model = layerModel();
    load(model, state);
    const value = (name: string) => state.find((one) => one.name === name)?.values as Float32Array;
    const norm = (name: string, vector: Float32Array) => {
      const mean = vector.reduce((a, b) => a + b, 0) / vector.length;
      const variance = vector.reduce((sum, v) => sum + (v - mean) ** 2, 0) / vector.length;
      return Array.from(vector, (v, i) => {
        const normed = (v - mean) / Math.sqrt(variance + 1e-5);
        return normed * value(`${name}.weight`)[i] + value(`${name}.bias`)[i];
      });
    };
    const cell = Array.from({length: 8}, (_, i) => i / 4);
    for (const block of ['blocks.0', 'blocks.1']) {
      const attended = norm(`${block}.norm1`, value(`${block}.attn.proj.bias`));
      const hidden = norm(`${block}.norm2`, value(`${block}.mlp.fc2.bias`));
      for (let i = 0; i < 8; i++) cell[i] += attended[i] + hidden[i];
    }
    const [weight, bias] = [value('cnn.weight'), value('cnn.bias')];
    const expected = Array.from(bias, (b, out) =>
      cell.reduce((sum, v, i) => sum + v * weight[out * 8 + i], b),
    );
    const x = tf.tile(
      tf.tensor4d(
        Array.from({length: 8}, (_, i) => i / 4),
        [1, 1, 1, 8],
      ),
      [1, 8, 8, 1],
    );
    const y = (model.predict(x) as tf.Tensor).dataSync();
    for (let out = 0; out < 6; out++) expect(y[6 * 37 + out]).to.be.closeTo(expected[out], 1e-3);
  });

  it('names every weight of the SwinResNet-50 of the demonstration', () => {
    withoutInitialWeights(() => {
      const model = swinResNet({
        depth: 50,
        numClasses: 12,
        projection: true,
        widths: [16, 32, 64, 128],
        numHeads: [4, 8, 16, 32],
      });
      const state = demonstration();
      const report = load(model, state);
      expect(report.layout).to.equal('miziha');
      expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);
      const mean = model.weights.find(
        ({originalName}) => originalName === 'stage2.block1.expand.bn/moving_mean',
      );
      const given = state.find(({name}) => name === 'bb_1_0.conv2._batch_norm._mean') as NamedValues;
      expectBitEqual('mean', (mean as tf.LayersModel['weights'][number]).read().dataSync(), given.values);
    });
  });

  const bad: [string, () => unknown, RegExp][] = [
    [
      'a layer of another variant',
      () => load(layerModel({variant: 'v1'}), stateOf(6)),
      /variant 'miziha'; got 'v1' in mine/,
    ],
    [
      'a Swin Transformer',
      () => load(swinTransformer({embedDim: 8, depths: [2], numHeads: [2], windowSize: 4}), stateOf(6)),
      /variant 'miziha'; got 'v1' in layers.0/,
    ],
    [
      'two layers for the weights of one',
      () => {
        const first = layerModel({outChannels: 8, projection: true});
        const layer = swinT({
          name: 'other',
          numHeads: 2,
          windowSize: 4,
          variant: 'miziha',
          dataFormat: 'channelsLast',
        });
        const outputs = layer.apply(first.outputs[0]) as tf.SymbolicTensor;
        return load(tf.model({inputs: first.inputs, outputs}), stateOf(8));
      },
      /a tensor of its own; got blocks.0.norm1.weight for mine.blocks.0.norm1.weight and other/,
    ],
  ];
  for (const [name, run, message] of bad) {
    it(`not into ${name}: one CheckpointError`, () => expect(run).to.throw(CheckpointError, message));
  }
});

/** Names and shapes of the demonstration's SwinResNet as its source builds it, a quarter as wide; values counting up. */
function demonstration(): NamedValues[] {
  const state: NamedValues[] = [];
  const add = (name: string, ...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(size);
    values[0] = state.length;
    state.push({name, shape, values});
  };
  const convolution = (name: string, input: number, output: number, size: number) => {
    add(`${name}._conv.weight`, output, input, size, size);
    for (const part of ['weight', 'bias', '_mean', '_variance']) add(`${name}._batch_norm.${part}`, output);
  };
  const layer = (name: string, width: number, heads: number, downsample: boolean) => {
    for (const i of [0, 1]) {
      const at = `${name}.blocks.${i}`;
      for (const norm of ['norm1', 'norm2'])
        for (const part of ['weight', 'bias']) add(`${at}.${norm}.${part}`, width);
      add(`${at}.attn.relative_position_bias_table`, 169, heads);
      add(`${at}.attn.relative_position_index`, 49, 49);
      if (i === 1) add(`${at}.attn_mask`, 1);
      for (const [part, input, output] of [
        ['attn.qkv', width, 3 * width],
        ['attn.proj', width, width],
        ['mlp.fc1', width, 4 * width],
        ['mlp.fc2', 4 * width, width],
      ] as const) {
        add(`${at}.${part}.weight`, input, output);
        add(`${at}.${part}.bias`, output);
      }
    }
    add(`${name}.cnn.weight`, width, width, 1, 1);
    add(`${name}.cnn.bias`, width);
    if (!downsample) return;
    add(`${name}.downsample.reduction.weight`, 4 * width, width);
    for (const part of ['weight', 'bias']) add(`${name}.downsample.norm.${part}`, 4 * width);
  };
  convolution('conv', 3, 64, 7);
  let channels = 64;
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const width = 16 * 2 ** stage;
    for (let i = 0; i < blocks; i++) {
      const at = `bb_${stage}_${i}`;
      convolution(`${at}.conv0`, channels, width, 1);
      if (stage === 3 && i > 0) convolution(`${at}.swin`, width, width, 3);
      else layer(`${at}.swin`, width, 4 * 2 ** stage, stage > 0 && i === 0);
      convolution(`${at}.conv2`, width, 4 * width, 1);
      if (i === 0) convolution(`${at}.short`, channels, 4 * width, 1);
      channels = 4 * width;
    }
  }
  for (const [part, input, output] of [
    ['1', 512, 256],
    ['5', 256, 12],
  ] as const) {
    add(`out.${part}.weight`, input, output);
    add(`out.${part}.bias`, output);
  }
  add('out.2.weight', 256);
  add('out.2.bias', 256);
  return state;
}
