import {readFileSync} from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {resizeBicubic} from '../../../src/weights/bicubic.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {assignWeights, type LoadWeightsOptions} from '../../../src/weights/load_weights.js';
import {openSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectAbsClose, expectBitEqual, expectRelativeClose} from '../../helpers/compare.js';

const small = {
  ...{
    embedDim: 8,
    depths: [2, 2],
    numHeads: [1, 2],
    windowSize: 4,
    patchSize: 2,
    imageSize: 16,
    numClasses: 5,
  },
  ...{dropPath: 0, seed: 3},
} as const;

type Args = NonNullable<Parameters<typeof swinTransformer>[0]>;

/** A model whose every weight is random, so that nothing starts as nothing. */
function trained(args: Args): tf.LayersModel {
  const model = swinTransformer(args);
  model.setWeights(
    model.getWeights().map((weight, i) => tf.randomNormal(weight.shape, 0, 0.3, 'float32', i)),
  );
  return model;
}

/** Another model with the weights of the first, and what became of them. */
async function loaded(from: tf.LayersModel, to: Args, options: LoadWeightsOptions = {}) {
  const model = swinTransformer(to);
  return {model, report: assignWeights(model, bytesSource(await saveWeights(from)), options)};
}

const valuesOf = (model: tf.LayersModel, name: string) => {
  const weight = model.weights.find(({originalName}) => originalName === name);
  return (weight as tf.LayersModel['weights'][number]).read();
};

describe('resizing', () => {
  it('interpolates as torch does', () => {
    const path = new URL('../../golden/torch/bicubic.safetensors', import.meta.url);
    const {tensors, values} = openSafetensors(bytesSource(new Uint8Array(readFileSync(path))));
    for (const i of [0, 1, 2, 3]) {
      const from = tensors.get(`in.${i}`)?.shape as [number, number, number];
      const to = tensors.get(`out.${i}`)?.shape as [number, number, number];
      const actual = resizeBicubic(values(`in.${i}`), from, [to[0], to[1]]);
      expectAbsClose(`grid ${i}`, actual, values(`out.${i}`), 1e-5);
    }
  });

  it('of bias tables: to windows that are no squares, each head for itself', async () => {
    const from = trained(small);
    const {model, report} = await loaded(from, {
      ...small,
      windowSize: [
        [2, 3],
        [4, 4],
      ],
    });
    const tables = [0, 1].map((j) => `layers.0.blocks.${j}.attn.relative_position_bias_table`);
    expect(report.resized).to.deep.equal(tables);
    const name = 'layers.0/blocks.1.attn.relative_position_bias_table';
    const expected = resizeBicubic(valuesOf(from, name).dataSync() as Float32Array, [7, 7, 1], [3, 5]);
    expectBitEqual('table', valuesOf(model, name).dataSync(), expected);
  });

  it('of the absolute position embedding: to another image size; as it is for the same number of cells', async () => {
    const from = trained({...small, absolutePosition: true});
    const {model, report} = await loaded(from, {...small, absolutePosition: true, imageSize: [24, 20]});
    expect(report.resized).to.deep.equal(['absolute_pos_embed']);
    const name = 'absolute_pos/absolute_pos_embed';
    const learned = valuesOf(from, name).dataSync() as Float32Array;
    expect(valuesOf(model, name).shape).to.deep.equal([1, 12, 10, 8]);
    expectBitEqual('cells', valuesOf(model, name).dataSync(), resizeBicubic(learned, [8, 8, 8], [12, 10]));
    const same = await loaded(from, {...small, absolutePosition: true, imageSize: [32, 8]});
    expect(same.report.resized).to.deep.equal([]);
    expectBitEqual('cells', valuesOf(same.model, name).dataSync(), learned);
  });

  it('of the patches: a grey image gives the same features with any number of channels', async () => {
    const from = trained(small);
    const grey = tf.randomNormal([2, 1, 16, 16]);
    const predict = (model: tf.LayersModel, channels: number) =>
      (model.predict(tf.tile(grey, [1, channels, 1, 1])) as tf.Tensor).dataSync();
    const expected = predict(from, 3);
    const cases = [
      ...[1, 2, 5, 6].map((channels) => ['mean', channels] as const),
      ...[1, 6].map((channels) => ['repeat', channels] as const),
    ];
    for (const [adaptChannels, inChannels] of cases) {
      const {model, report} = await loaded(from, {...small, inChannels}, {adaptChannels});
      expect(report.resized).to.deep.equal(['patch_embed.proj.weight']);
      expectRelativeClose(`${adaptChannels} ${inChannels}`, predict(model, inChannels), expected, 1e-5);
    }
  });

  it('of the patches: repeat takes channels in turn, times theirs by ours', async () => {
    const from = trained(small);
    const {model} = await loaded(from, {...small, inChannels: 4}, {adaptChannels: 'repeat'});
    const name = 'patch_embed/proj.weight';
    const theirs = tf.split(valuesOf(from, name), 3, 2);
    const expected = tf.mul(tf.concat([...theirs, theirs[0]], 2), 3 / 4);
    expectAbsClose('kernel', valuesOf(model, name).dataSync(), expected.dataSync(), 1e-7);
  });

  it('of the patches: an error where nothing is said of it', async () => {
    const error = await loaded(trained(small), {...small, inChannels: 1}).catch((e: Error) => e);
    expect(error).to.be.instanceOf(CheckpointError);
    expect((error as Error).message).to.match(
      /the model's 1 input channels; got 3 \(adaptChannels 'mean' or 'repeat'/,
    );
  });

  eachBackend(
    () => {
      it('of Swin V2: nothing; another window has the bias that the network gives at its coordinates', async () => {
        const from = trained({...small, variant: 'v2'});
        const to: Args = {...small, variant: 'v2', windowSize: 8, pretrainedWindowSize: 4};
        const {model, report} = await loaded(from, to);
        expect([report.resized, report.missing, report.unexpected]).to.deep.equal([[], [], []]);
        const scale = 'layers.0/blocks.0.attn.logit_scale';
        expectBitEqual('scale', await valuesOf(model, scale).data(), await valuesOf(from, scale).data());
        expect(model.getLayer('layers.0').getConfig().pretrainedWindowSize).to.deep.equal([4, 4]);

        // One window of 8x8 cells over the whole map of stage 0: attention by its formula, block 0, in float64.
        const block = 'layers.0/blocks.0.';
        const read = async (name: string) => Array.from(await valuesOf(model, block + name).data());
        const x = tf.randomNormal([1, 8, 8, 8]);
        const cells = Array.from(await x.data());
        const expected = blockOfV2(cells, {
          qkv: await read('attn.qkv.weight'),
          qBias: await read('attn.q_bias'),
          vBias: await read('attn.v_bias'),
          scale: await read('attn.logit_scale'),
          hidden: [await read('attn.cpb_mlp.0.weight'), await read('attn.cpb_mlp.0.bias')],
          out: await read('attn.cpb_mlp.2.weight'),
        });
        const heads = await attentionOf(model, x);
        expectRelativeClose('weighted values', heads, expected, 1e-4);
      });
    },
    {only: ['cpu']},
  );
});

interface BlockWeights {
  qkv: number[];
  qBias: number[];
  vBias: number[];
  scale: number[];
  hidden: [number[], number[]];
  out: number[];
}

const SIDE = 8;
const CHANNELS = 8;

/** softmax(exp(min(scale, ln 100)) cos(q, k) + 16 sigmoid(MLP(offset))) v of one head over an 8x8 map. */
function blockOfV2(x: number[], {qkv, qBias, vBias, scale, hidden, out}: BlockWeights): number[] {
  const tokens = SIDE * SIDE;
  const project = (token: number, part: number, bias: number[] | undefined) =>
    Array.from({length: CHANNELS}, (_, unit) => {
      let sum = bias?.[unit] ?? 0;
      for (let c = 0; c < CHANNELS; c++) {
        sum += x[token * CHANNELS + c] * qkv[c * 3 * CHANNELS + part * CHANNELS + unit];
      }
      return sum;
    });
  const unit = (vector: number[]) => {
    const norm = Math.hypot(...vector);
    return vector.map((value) => value / norm);
  };
  const all = Array.from({length: tokens}, (_, token) => token);
  const q = all.map((token) => unit(project(token, 0, qBias)));
  const k = all.map((token) => unit(project(token, 1, undefined)));
  const v = all.map((token) => project(token, 2, vBias));
  const temperature = Math.exp(Math.min(scale[0], Math.log(100)));
  // Coordinates relative to the window of pretraining, 4.
  const coordinate = (d: number) => (Math.sign(d) * Math.log2(1 + (8 * Math.abs(d)) / 3)) / 3;
  const bias = (dy: number, dx: number) => {
    const width = hidden[1].length;
    const [y, xx] = [coordinate(dy), coordinate(dx)];
    let sum = 0;
    for (let j = 0; j < width; j++) {
      sum += Math.max(0, y * hidden[0][j] + xx * hidden[0][width + j] + hidden[1][j]) * out[j];
    }
    return 16 / (1 + Math.exp(-sum));
  };
  return all.flatMap((i) => {
    const scores = all.map((j) => {
      const cosine = q[i].reduce((sum, value, c) => sum + value * k[j][c], 0);
      const [dy, dx] = [Math.floor(i / SIDE) - Math.floor(j / SIDE), (i % SIDE) - (j % SIDE)];
      return temperature * cosine + bias(dy, dx);
    });
    const most = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - most));
    const total = weights.reduce((a, b) => a + b, 0);
    return Array.from({length: CHANNELS}, (_, c) =>
      weights.reduce((sum, weight, j) => sum + (weight / total) * v[j][c], 0),
    );
  });
}

/** The weighted values of the first block of stage 0: its attention with the identity as the projection. */
async function attentionOf(model: tf.LayersModel, x: tf.Tensor): Promise<Float32Array> {
  const {windowAttention} = await import('../../../layers/index.js');
  const layer = windowAttention({
    ...{numHeads: 1, windowSize: 8, pretrainedWindowSize: 4, score: 'cosine', dataFormat: 'channelsLast'},
  });
  layer.apply(x);
  const weights = layer.weights.map(({originalName, shape}) => {
    const name = originalName.replace(/^.*\//, '');
    if (name === 'proj.weight') return tf.eye(CHANNELS);
    if (name === 'proj.bias') return tf.zeros(shape as number[]);
    return valuesOf(model, `layers.0/blocks.0.attn.${name}`);
  });
  layer.setWeights(weights);
  return (await (layer.apply(x) as tf.Tensor).data()) as Float32Array;
}
