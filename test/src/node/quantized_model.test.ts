/** Models in fewer bits and in several files: those of tfjs's converter, and what saveModel writes for tfjs to read. */
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveModel} from '../../../src/node/save_model.js';
import {quantizeWeights} from '../../../src/weights/quantize.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {predict, rejection, smallModel} from './small_model.js';
import {temporaryFolder} from './temporary_folder.js';

/** What a browser does with a folder, with the disk in place of the network. */
function loadByTfjs(dir: string): Promise<tf.LayersModel> {
  const fetchFunc = async (url: string) => new Response(await readFile(`${dir}/${url.split('/').at(-1)!}`));
  return tf.loadLayersModel(
    tf.io.http('http://models.example/model.json', {fetchFunc: fetchFunc as typeof fetch}),
  );
}

const weightsOf = (model: tf.LayersModel) =>
  model.getWeights().map((weight) => weight.dataSync() as Float32Array);

/** A dense layer 2 -> 2 as tfjs's converter writes it, with a kernel and a bias of this type. */
async function converted(
  dir: string,
  quantization: object,
  kernel: Uint8Array,
  bias: Uint8Array,
): Promise<void> {
  const spec = (name: string, shape: number[]) => ({name, shape, dtype: 'float32', quantization});
  const layer = {
    class_name: 'Dense',
    config: {name: 'd', units: 2, batch_input_shape: [null, 2], use_bias: true, activation: 'linear'},
  };
  const json = {
    format: 'layers-model',
    generatedBy: 'keras v2.15.0',
    convertedBy: 'TensorFlow.js Converter v4.22.0',
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: {class_name: 'Sequential', config: {name: 's', layers: [layer]}},
    },
    weightsManifest: [
      {
        paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'],
        weights: [spec('d/kernel', [2, 2]), spec('d/bias', [2])],
      },
    ],
  };
  await mkdir(dir, {recursive: true});
  await writeFile(`${dir}/model.json`, JSON.stringify(json));
  await writeFile(`${dir}/group1-shard1of2.bin`, kernel);
  await writeFile(`${dir}/group1-shard2of2.bin`, bias);
}

describe('quantised models', () => {
  const path = temporaryFolder();
  before(() => tf.setBackend('cpu'));

  it('of the converter are read: float16, uint16, uint8', async () => {
    const bytes = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
    // 1, -2, 0.5, 65504 and 2^-24, 0 as float16.
    await converted(
      path('half'),
      {dtype: 'float16', original_dtype: 'float32'},
      bytes(0x3c00, 0xc000, 0x3800, 0x7bff),
      bytes(1, 0),
    );
    const affine = {min: -1, scale: 0.5, original_dtype: 'float32'};
    await converted(path('sixteen'), {...affine, dtype: 'uint16'}, bytes(0, 1, 2, 1000), bytes(3, 4));
    await converted(
      path('eight'),
      {...affine, dtype: 'uint8'},
      Uint8Array.of(0, 1, 2, 255),
      Uint8Array.of(3, 4),
    );
    const expected = {
      half: [
        [1, -2, 0.5, 65504],
        [2 ** -24, 0],
      ],
      sixteen: [
        [-1, -0.5, 0, 499],
        [0.5, 1],
      ],
      eight: [
        [-1, -0.5, 0, 126.5],
        [0.5, 1],
      ],
    };
    for (const [name, values] of Object.entries(expected)) {
      const model = await loadModel(path(name));
      expect(
        weightsOf(model).map((one) => [...one]),
        name,
      ).to.deep.equal(values);
      model.dispose();
    }
  });

  for (const [quantize, share, most] of [
    ['float16', 1 / 2, 2 ** -11],
    ['uint16', 1 / 2, 1 / 65535],
    ['uint8', 1 / 4, 1 / 255],
  ] as const) {
    it(`saveModel writes ${quantize} that tfjs and loadModel read alike`, async () => {
      const dir = path(quantize);
      const model = smallModel(1);
      await saveModel(model, dir, {quantize, shardBytes: 300});
      const names = (await readdir(dir)).filter((name) => name !== 'model.json');
      const sizes = await Promise.all(names.map(async (name) => (await readFile(`${dir}/${name}`)).length));
      const elements = weightsOf(model).reduce((sum, {length}) => sum + length, 0);
      expect(sizes.reduce((a, b) => a + b)).to.equal(4 * elements * share);
      expect(Math.max(...sizes)).to.equal(300);
      expect(names).to.include(`group1-shard1of${names.length}.bin`);
      const ours = await loadModel(dir);
      const theirs = await loadByTfjs(dir);
      for (const [i, values] of weightsOf(model).entries()) {
        const [read, read2] = [weightsOf(ours)[i], weightsOf(theirs)[i]];
        expectBitEqual(`${i}`, read, read2);
        const range = Math.max(...values) - Math.min(...values);
        for (const [k, value] of values.entries()) {
          const bound = quantize === 'float16' ? Math.abs(value) * most : range * most;
          expect(Math.abs(read[k] - value)).to.be.at.most(bound + 1e-7);
        }
      }
      // Biases of 0 are 0 afterwards.
      expect([...weightsOf(ours)[1]]).to.deep.equal([0, 0, 0, 0]);
      // Replaced by one with other files.
      await saveModel(model, dir);
      expect((await readdir(dir)).sort()).to.deep.equal(['model.json', 'weights.bin']);
      const again = await loadModel(dir);
      expect(await predict(again)).to.deep.equal(await predict(model));
      for (const one of [model, ours, theirs, again]) one.dispose();
    });
  }

  it('float16 is the nearest one, ties to even', () => {
    const values = Float32Array.of(
      ...[0, -0, 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -23, 65504, 65519, -65519],
      ...[2 ** -14, 2 ** -15, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 2.5 * 2 ** -24, 2 ** -14 - 2 ** -25, 0.1],
    );
    const expected = [
      ...[0, -0, 1, 1, 1 + 2 ** -9, 1 + 2 ** -10, 65504, 65504, -65504],
      ...[2 ** -14, 2 ** -15, 2 ** -24, 0, 2 ** -23, 2 ** -23, 2 ** -14, 0.0999755859375],
    ];
    const spec = {name: 'x', shape: [values.length], dtype: 'float32' as const};
    const {specs, data} = quantizeWeights([spec], values.buffer, 'float16');
    const {x} = tf.io.decodeWeights(data.buffer as ArrayBuffer, specs);
    expect([...x.dataSync()]).to.deep.equal(expected);
    x.dispose();
  });

  it('keep what does not fit, and what is no float32', () => {
    const dtype = 'float32' as const;
    const specs = [
      {name: 'large', shape: [2], dtype},
      {name: 'odd', shape: [2], dtype},
      {name: 'constant', shape: [2], dtype},
      {name: 'empty', shape: [0], dtype},
      {name: 'whole', shape: [1], dtype: 'int32' as const},
      {name: 'flag', shape: [1], dtype: 'bool' as const},
    ];
    const floats = Float32Array.of(1, 65520, Number.NaN, Number.POSITIVE_INFINITY, 3, 3);
    const bytes = [...new Uint8Array(floats.buffer), ...new Uint8Array(Int32Array.of(-7).buffer), 1];
    for (const quantization of ['float16', 'uint8', 'uint16'] as const) {
      const result = quantizeWeights(specs, Uint8Array.from(bytes).buffer, quantization);
      const tensors = tf.io.decodeWeights(result.data.buffer as ArrayBuffer, result.specs);
      const values = Object.fromEntries(
        Object.entries(tensors).map(([name, one]) => [name, [...one.dataSync()]]),
      );
      expect(values.odd).to.deep.equal([Number.NaN, Number.POSITIVE_INFINITY]);
      if (quantization === 'float16') expect(values.large).to.deep.equal([1, 65520]);
      expect([values.constant, values.empty, values.whole, values.flag]).to.deep.equal([
        [3, 3],
        [],
        [-7],
        [1],
      ]);
      tf.dispose(tensors);
    }
  });

  it('refuses what is no way to save', async () => {
    const model = smallModel(1);
    for (const [options, message] of [
      [{quantize: 'int4'}, /saveModel: quantize must be one of 'float16', 'uint16', 'uint8'; got 'int4'/],
      [{shardBytes: 0}, /saveModel: shardBytes must be a whole number from 1; got 0/],
    ] as const) {
      const error = await rejection(saveModel(model, path('none'), options as object));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(message);
    }
    model.dispose();
  });
});
