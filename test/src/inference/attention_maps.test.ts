import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinBackbone, swinResNet, swinTransformer, swinUNet} from '../../../architectures/index.js';
import {linearReference} from '../../../kernels/reference/linear.js';
import {swinBlock, swinT, windowAttention} from '../../../layers/index.js';
import {ConfigError} from '../../../src/errors.js';
import {type AttentionMaps, attentionMaps, attentionOfCell} from '../../../src/inference/attention_maps.js';
import type {LayerAttention} from '../../../src/inference/attention_run.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectAbsClose} from '../../helpers/compare.js';
import {savedAndLoaded} from '../../helpers/models.js';
import {errorOf} from '../data/memory_dataset.js';
import {
  noisePicture,
  randomise,
  type StageSettings,
  stageProbabilities,
  throughConvolution,
  weightsOf,
} from './attention_reference.js';

type Format = 'channelsFirst' | 'channelsLast';

const CHANNELS = 4;

/** An image through a 1x1 convolution and one layer; returns a map. */
function around(layer: tf.layers.Layer, dataFormat: Format): tf.LayersModel {
  const first = dataFormat === 'channelsFirst';
  const image = tf.input({shape: first ? [3, null, null] : [null, null, 3]});
  const wide = tf.layers
    .conv2d({filters: CHANNELS, kernelSize: 1, dataFormat, name: 'wide'})
    .apply(image) as tf.SymbolicTensor;
  const model = tf.model({inputs: image, outputs: layer.apply(wide) as tf.SymbolicTensor});
  randomise(model);
  return model;
}

interface StageCase extends StageSettings {
  size: [number, number];
  dataFormat: Format;
}

const base = {numHeads: 2, windowSize: [4, 4], depth: 2} satisfies Partial<StageCase>;
const stageCases: StageCase[] = [
  {...base, variant: 'v1', padding: 'masked', size: [8, 8], dataFormat: 'channelsFirst'},
  {...base, variant: 'v1', padding: 'masked', size: [7, 6], dataFormat: 'channelsLast'},
  {...base, variant: 'v1', padding: 'attended', size: [7, 6], dataFormat: 'channelsFirst'},
  {...base, variant: 'v1', padding: 'masked', size: [3, 9], dataFormat: 'channelsFirst'},
  {...base, variant: 'v1', padding: 'attended', size: [3, 9], dataFormat: 'channelsLast'},
  {...base, variant: 'v2', padding: 'masked', size: [7, 6], dataFormat: 'channelsFirst'},
  {...base, variant: 'v2', padding: 'attended', size: [5, 3], dataFormat: 'channelsLast', windowSize: [3, 4]},
  {
    ...base,
    variant: 'miziha',
    padding: 'masked',
    size: [9, 5],
    dataFormat: 'channelsLast',
    windowSize: [4, 3],
  },
];

const nameOf = ({variant, padding, size, windowSize, dataFormat}: StageCase) =>
  `${variant}, ${size.join('x')} in windows of ${windowSize.join('x')}, ${padding}, ${dataFormat}`;

/** Each row of softmax(S) of a cell of the map sums to 1, whatever the head; with the cells of the map alone where masked. */
function expectWholeRows(attention: LayerAttention, padding: 'masked' | 'attended'): void {
  const {size, heads, windows, tokens, cells, probabilities} = attention;
  expect(cells).to.have.length(windows * tokens);
  expect(probabilities).to.have.length(windows * heads * tokens * tokens);
  expect([...cells].filter((cell) => cell >= 0).sort((a, b) => a - b)).to.deep.equal(
    Array.from({length: size[0] * size[1]}, (_, cell) => cell),
  );
  for (let row = 0; row < windows * heads * tokens; row++) {
    const [window, query] = [Math.floor(row / (heads * tokens)), row % tokens];
    if (cells[window * tokens + query] < 0) continue;
    let sum = 0;
    for (let k = 0; k < tokens; k++) {
      const value = probabilities[row * tokens + k];
      expect(value).to.be.within(0, 1 + 1e-6);
      if (cells[window * tokens + k] >= 0 || padding === 'attended') sum += value;
    }
    expect(sum).to.be.closeTo(1, 1e-5);
  }
}

function expectRollout({rollout}: AttentionMaps): void {
  expect(rollout.values).to.have.length(rollout.width * rollout.height);
  expect(rollout.values.every((value) => value >= 0)).to.equal(true);
  expect(rollout.values.reduce((a, b) => a + b, 0)).to.be.closeTo(1, 1e-5);
}

describe('attentionMaps', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  eachBackend((backend) => {
    for (const stage of stageCases) {
      it(`is what float64 arithmetic gives: ${nameOf(stage)}`, async () => {
        const {size, dataFormat, variant, padding, numHeads, windowSize, depth} = stage;
        const layer = swinT({variant, padding, numHeads, windowSize, depth, dataFormat, name: 'stage'});
        const model = around(layer, dataFormat);
        const picture = noisePicture(...size);
        const x = throughConvolution(picture, await weightsOf(model.getLayer('wide')));
        const expected = stageProbabilities(x, await weightsOf(layer), stage);
        const before = tf.memory().numTensors;
        const result = await attentionMaps(model, picture);
        expect(tf.memory().numTensors).to.equal(before);
        expect(result.layers.map(({layer: name, block}) => [name, block])).to.deep.equal([
          ['stage', 0],
          ['stage', 1],
        ]);
        for (const [i, attention] of result.layers.entries()) {
          const {windows, heads, tokens, probabilities} = attention;
          expect([1, windows, heads, tokens, tokens]).to.deep.equal([...expected[i].shape]);
          const tolerance = backend === 'webgpu' ? 1e-4 : 1e-5;
          expectAbsClose(`block ${i}`, probabilities, expected[i].data, tolerance);
          expectWholeRows(attention, padding);
        }
        expectRollout(result);
        model.dispose();
      });
    }

    it('times the values is what the layer computes', async () => {
      for (const padding of ['masked', 'attended'] as const) {
        const args = {numHeads: 2, windowSize: 4, shiftSize: 2, padding} as const;
        const layer = windowAttention({...args, dataFormat: 'channelsLast'});
        const model = around(layer, 'channelsLast');
        const picture = noisePicture(6, 7);
        const x = throughConvolution(picture, await weightsOf(model.getLayer('wide')));
        const weights = await weightsOf(layer);
        const plain = {activation: 'none'} as const;
        const qkvBias = weights['qkv.bias'];
        const qkv = linearReference({x, weight: weights['qkv.weight'], bias: qkvBias}, plain);
        const {layers} = await attentionMaps(model, picture);
        const {windows, heads, tokens, cells, probabilities, residual} = layers[0];
        expect(residual).to.equal(false);
        const attended = {shape: x.shape, data: new Float64Array(x.data.length)};
        const size = CHANNELS / heads;
        for (let at = 0; at < windows * tokens; at++) {
          if (cells[at] < 0) continue;
          const [window, query] = [Math.floor(at / tokens), at % tokens];
          for (let channel = 0; channel < CHANNELS; channel++) {
            const row = ((window * heads + Math.floor(channel / size)) * tokens + query) * tokens;
            for (let k = 0; k < tokens; k++) {
              const cell = cells[window * tokens + k];
              const added = padding === 'attended' ? qkvBias.data[2 * CHANNELS + channel] : 0;
              const value = cell < 0 ? added : qkv.data[cell * 3 * CHANNELS + 2 * CHANNELS + channel];
              attended.data[cells[at] * CHANNELS + channel] += probabilities[row + k] * value;
            }
          }
        }
        const projection = {weight: weights['proj.weight'], bias: weights['proj.bias']};
        const expected = linearReference({x: attended, ...projection}, plain);
        const image = tf.tensor4d(
          Float32Array.from(picture.data, (v) => v / 255),
          [1, 6, 7, 3],
        );
        const y = model.predict(image) as tf.Tensor;
        expectAbsClose(padding, await y.data(), expected.data, 1e-4);
        tf.dispose([image, y]);
        model.dispose();
      }
    });
  });

  const small = {imageSize: 32, embedDim: 8, numHeads: [1, 2], windowSize: 4, seed: 1};
  const tiny = {inputShape: [3, 16, 16] as [number, number, number], numClasses: 3, seed: 1};
  const networks: Array<[string, () => tf.LayersModel, number]> = [
    ['swinTransformer', () => swinTransformer({...small, depths: [2, 2], patchSize: 2, numClasses: 3}), 4],
    [
      'V2 with odd depths',
      () =>
        swinTransformer({
          ...small,
          depths: [1, 3],
          oddDepths: true,
          variant: 'v2',
          dataFormat: 'channelsLast',
          numClasses: 3,
        }),
      4,
    ],
    ['swinBackbone of two maps', () => swinBackbone({...small, depths: [2, 2], outStages: [0, 1]}), 4],
    ['swinResNet of bottlenecks', () => swinResNet({...tiny, depth: 14}), 8],
    ['small swinResNet', () => swinResNet({...tiny, depth: 10}), 2],
    ['swinUNet', () => swinUNet({...small, depths: [2, 2], patchSize: 2, numClasses: 2}), 6],
    [
      'swinUNet with convolutions',
      () =>
        swinUNet({...small, depths: [2, 2], convolutions: [4], numClasses: 2, dataFormat: 'channelsLast'}),
      6,
    ],
  ];
  for (const [name, build, blocks] of networks) {
    it(`finds every block of ${name}, after saving and loading too`, async () => {
      const model = build();
      const picture = noisePicture(37, 30);
      const before = tf.memory().numTensors;
      const result = await attentionMaps(model, picture);
      expect(tf.memory().numTensors).to.equal(before);
      expect(result.layers).to.have.length(blocks);
      for (const attention of result.layers) {
        expectWholeRows(attention, 'masked');
        expect(attention.residual).to.equal(true);
      }
      expectRollout(result);
      const loaded = await savedAndLoaded(model);
      const again = await attentionMaps(loaded, picture, {
        imageSize: [result.rollout.height, result.rollout.width],
      });
      expect(again.rollout).to.deep.equal(result.rollout);
      expect(again.layers.map(({layer, block}) => [layer, block])).to.deep.equal(
        result.layers.map(({layer, block}) => [layer, block]),
      );
      model.dispose();
      loaded.dispose();
    });
  }

  it('puts the row of a cell back on the map, head by head or as their mean', async () => {
    const model = around(swinT({numHeads: 2, windowSize: 4}), 'channelsFirst');
    const {layers} = await attentionMaps(model, noisePicture(8, 8));
    const [first, second] = layers;
    const inside = (map: Float32Array) => [...map.keys()].filter((cell) => map[cell] > 1e-20);
    const square = (rows: number[], columns: number[]) =>
      rows.flatMap((row) => columns.map((column) => row * 8 + column));
    expect(inside(attentionOfCell(first, [1, 5]))).to.deep.equal(square([0, 1, 2, 3], [4, 5, 6, 7]));
    expect(inside(attentionOfCell(second, [3, 4]))).to.deep.equal(square([2, 3, 4, 5], [2, 3, 4, 5]));
    // The window at the border wraps around, and the mask keeps what came from the other side apart.
    expect(inside(attentionOfCell(second, [0, 4]))).to.deep.equal(square([0, 1], [2, 3, 4, 5]));
    const heads = [0, 1].map((head) => attentionOfCell(first, [6, 2], head));
    const mean = heads[0].map((value, i) => (value + heads[1][i]) / 2);
    expectAbsClose('mean', attentionOfCell(first, [6, 2]), mean, 1e-7);
    for (const [cell, head] of [
      [[8, 0], 0],
      [[0, -1], 0],
      [[0, 0], 2],
    ] as const) {
      expect(() => attentionOfCell(first, cell, head)).to.throw(ConfigError, 'attentionOfCell');
    }
    model.dispose();
  });

  it('finds the blocks of a model within a model, of a layer used twice, and of swinBlock', async () => {
    const block = swinBlock({numHeads: 2, windowSize: 4, shifted: true, name: 'twice'});
    const inner = tf.sequential({name: 'encoder'});
    inner.add(
      tf.layers.conv2d({filters: 4, kernelSize: 1, inputShape: [3, 8, 8], dataFormat: 'channelsFirst'}),
    );
    inner.add(block);
    const image = tf.input({shape: [3, 8, 8]});
    const once = inner.apply(image) as tf.SymbolicTensor;
    const pooled = tf.layers.globalAveragePooling2d({dataFormat: 'channelsFirst'}).apply(block.apply(once));
    const model = tf.model({inputs: image, outputs: pooled as tf.SymbolicTensor});
    const result = await attentionMaps(model, noisePicture(8, 8));
    expect(result.layers.map(({layer, shift}) => [layer, shift])).to.deep.equal([
      ['encoder/twice', [2, 2]],
      ['twice', [2, 2]],
    ]);
    expectRollout(result);
    const within = tf.sequential({
      layers: [inner, tf.layers.globalAveragePooling2d({dataFormat: 'channelsFirst'})],
    });
    const names = (await attentionMaps(within, noisePicture(8, 8))).layers.map(({layer}) => layer);
    expect(names).to.deep.equal(['encoder/twice']);
    model.dispose();
  });

  it('says in one error what a model or an option lacks, and keeps no tensor', async () => {
    const twin = swinResNet({...tiny, depth: 14, convolution: true});
    const classifier = swinTransformer({...small, depths: [2, 2], numClasses: 3});
    const segmenter = swinUNet({...small, depths: [2, 2], numClasses: 2, inChannels: 1});
    const picture = noisePicture(16, 16);
    const grey = noisePicture(16, 16, 1);
    const before = tf.memory().numTensors;
    const cases = [
      [twin, picture, {}, 'window attention'],
      [classifier, picture, {cell: [0, 0]}, 'leave cell out'],
      [segmenter, grey, {cell: [16, 0]}, '[16, 16] cells'],
      [segmenter, grey, {imageSize: 8}, 'resize it before'],
      [segmenter, picture, {}, 'channel'],
      [classifier, picture, {heads: 'mean'}, 'heads'],
    ] as const;
    for (const [model, image, options, words] of cases) {
      const error = await errorOf(() => attentionMaps(model, image, options as object));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message)
        .to.match(/^attentionMaps/)
        .and.include(words);
    }
    expect(tf.memory().numTensors).to.equal(before);
    for (const model of [twin, classifier, segmenter]) model.dispose();
  });
});

describe('attention rollout', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  type Matrix = number[][];
  const times = (r: number[], m: Matrix) =>
    m[0].map((_, k) => r.reduce((sum, share, q) => sum + share * m[q][k], 0));

  /** Rows of (I + A) divided by their sum, A the mean of the heads, [H W, H W]. */
  const blockMatrix = (attention: LayerAttention): Matrix => {
    const [height, width] = attention.size;
    return Array.from({length: height * width}, (_, q) => {
      const row = [...attentionOfCell(attention, [Math.floor(q / width), q % width])];
      row[q] += 1;
      const sum = row.reduce((a, b) => a + b);
      return row.map((value) => value / sum);
    });
  };

  /** Each cell of a map [height, width] is the mean of those of a map [of[0], of[1]] that lie in its square. */
  const mergeMatrix = ([height, width]: number[], side: number, of: number[]): Matrix =>
    Array.from({length: height * width}, (_, cell) => {
      const [y, x] = [Math.floor(cell / width), cell % width];
      const row = Array.from({length: of[0] * of[1]}, (__, k) => {
        const inside = Math.floor(Math.floor(k / of[1]) / side) === y && Math.floor((k % of[1]) / side) === x;
        return inside ? 1 : 0;
      });
      const count = row.filter((value) => value === 1).length;
      return row.map((value) => value / count);
    });

  it('of a Swin Transformer is the product of its matrices, over an odd map too', async () => {
    const model = swinTransformer({
      ...{imageSize: [20, 14], patchSize: 2, embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 4},
      ...{numClasses: 3, seed: 2, padding: 'attended'},
    });
    randomise(model);
    const {layers, rollout, region} = await attentionMaps(model, noisePicture(30, 30), {cropFraction: 1});
    expect(layers.map(({size}) => size)).to.deep.equal([
      [10, 7],
      [10, 7],
      [5, 4],
      [5, 4],
    ]);
    let r: number[] = Array(20).fill(1 / 20);
    r = times(r, blockMatrix(layers[3]));
    r = times(r, blockMatrix(layers[2]));
    r = times(r, mergeMatrix([5, 4], 2, [10, 7]));
    r = times(r, blockMatrix(layers[1]));
    r = times(r, blockMatrix(layers[0]));
    r = times(r, mergeMatrix([10, 7], 2, [20, 14]));
    expect([rollout.height, rollout.width]).to.deep.equal([20, 14]);
    expectAbsClose('rollout', rollout.values, r, 1e-7);
    // The middle of the square picture, in the model's proportions.
    expect(region.top).to.be.closeTo(0, 1e-9);
    expect(region.height).to.be.closeTo(30, 1e-9);
    expect(region.left).to.be.closeTo(4.5, 1e-9);
    expect(region.width).to.be.closeTo(21, 1e-9);
    model.dispose();
  });

  it('goes in equal parts through the inputs of a sum, and starts from the cell asked for', async () => {
    const image = tf.input({shape: [null, null, 3]});
    const wide = tf.layers.conv2d({filters: 4, kernelSize: 1}).apply(image) as tf.SymbolicTensor;
    const pooled = tf.layers.averagePooling2d({poolSize: 2, dataFormat: 'channelsLast'}).apply(wide);
    const attention = windowAttention({numHeads: 2, windowSize: 4, dataFormat: 'channelsLast'}).apply(pooled);
    const up = tf.layers.upSampling2d({size: [2, 2], dataFormat: 'channelsLast'}).apply(attention);
    const sum = tf.layers.add().apply([wide, up as tf.SymbolicTensor]) as tf.SymbolicTensor;
    const model = tf.model({inputs: image, outputs: sum});
    randomise(model);
    const {layers, rollout} = await attentionMaps(model, noisePicture(8, 8), {cell: [5, 2]});
    const row = attentionOfCell(layers[0], [2, 1]);
    const expected = Array.from({length: 64}, (_, pixel) => {
      const [y, x] = [Math.floor(pixel / 8), pixel % 8];
      const own = pixel === 5 * 8 + 2 ? 0.5 : 0;
      return own + row[Math.floor(y / 2) * 4 + Math.floor(x / 2)] / 8;
    });
    expectAbsClose('rollout', rollout.values, expected, 1e-6);
    model.dispose();
  });

  it('stays at a cell that attends to nothing but padding', async () => {
    const layer = windowAttention({
      numHeads: 2,
      windowSize: 4,
      padding: 'attended',
      dataFormat: 'channelsLast',
    });
    const model = around(layer, 'channelsLast');
    // A cell's bias for itself, in the middle row of the table, is far below that for the others.
    const table = layer.weights.find(({originalName}) => originalName.endsWith('bias_table'))!;
    const far = tf.tensor2d(
      Array.from({length: 49 * 2}, (_, i) => (Math.floor(i / 2) === 24 ? -1e4 : 0)),
      [49, 2],
    );
    table.write(far);
    far.dispose();
    const {layers, rollout} = await attentionMaps(model, {data: new Uint8Array(3), width: 1, height: 1});
    expect([...attentionOfCell(layers[0], [0, 0])]).to.deep.equal([0]);
    expect([...rollout.values]).to.deep.equal([1]);
    model.dispose();
  });

  it('of a pixel of a U-Net lies around that pixel', async () => {
    const model = swinUNet({
      ...{depths: [2, 2], embedDim: 8, numHeads: [1, 2], windowSize: 4, patchSize: 2, numClasses: 2, seed: 3},
    });
    const {rollout} = await attentionMaps(model, noisePicture(64, 51), {cell: [60, 3]});
    expect([rollout.height, rollout.width]).to.deep.equal([64, 51]);
    expect(rollout.values.reduce((a, b) => a + b)).to.be.closeTo(1, 1e-5);
    const strongest = rollout.values.indexOf(rollout.values.reduce((a, b) => Math.max(a, b)));
    expect([Math.floor(strongest / 51), strongest % 51]).to.deep.equal([60, 2]);
    expect(rollout.values[0]).to.be.lessThan(1e-20);
    model.dispose();
  });
});
