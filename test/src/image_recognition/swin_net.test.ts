/** Models as networks of tfjs-image-recognition-base, which is installed here with our tfjs-core. */

import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import * as base from 'tfjs-image-recognition-base';
import {swinBackbone, swinTransformer} from '../../../architectures/index.js';
import {batchNormalization} from '../../../layers/index.js';
import {preprocess} from '../../../src/data/preprocess.js';
import type {RgbImage} from '../../../src/data/rgb_image.js';
import {CheckpointError, ConfigError, DataError, ShapeError} from '../../../src/errors.js';
import {type SwinNet, swinNet} from '../../../src/image_recognition/index.js';
import {classify} from '../../../src/inference/classify.js';
import {eachBackend} from '../../helpers/backends.js';
import {serve} from '../../helpers/chromium.js';
import {errorOf} from '../data/memory_dataset.js';
import {canvasOf, colourful, imageOf, useNodeCanvas} from './node_canvas.js';

type Net = SwinNet<typeof base>;

/** A network for images of 16x16 and five classes; every weight is drawn, so that no two networks agree. */
function smallModel(): tf.LayersModel {
  const model = swinTransformer({
    ...{imageSize: 16, patchSize: 4, embedDim: 8, depths: [2], numHeads: [2], windowSize: 2},
    numClasses: 5,
  });
  const drawn = model.getWeights().map(({shape}) => tf.randomNormal(shape, 0, 0.2));
  model.setWeights(drawn);
  tf.dispose(drawn);
  return model;
}

/** The values of all weights by name. */
async function valuesOf(model: tf.LayersModel): Promise<Record<string, number[]>> {
  const entries = model.weights.map(async (weight) => [
    weight.originalName,
    Array.from(await weight.read().data()),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

/** Writes the weights as the package's own files: a manifest and two shards. */
async function writeManifest(net: Net, folder: string, name: string): Promise<void> {
  const named = net.getParamList().map(({path, tensor}) => ({name: path, tensor}));
  const {data, specs} = await tf.io.encodeWeights(named);
  const paths = [1, 2].map((shard) => `${name}-shard${shard}`);
  const bytes = new Uint8Array(data);
  // tfjs takes the last shard to be the smallest.
  const half = Math.ceil(bytes.length / 2);
  await writeFile(join(folder, paths[0]!), bytes.subarray(0, half));
  await writeFile(join(folder, paths[1]!), bytes.subarray(half));
  await writeFile(join(folder, `${name}-weights_manifest.json`), JSON.stringify([{paths, weights: specs}]));
}

describe('swinNet', () => {
  before(useNodeCanvas);

  eachBackend(() => {
    let net: Net;
    beforeEach(() => {
      net = swinNet(base, smallModel());
    });
    afterEach(() => net.dispose(false));

    const bytes = colourful(20, 24);
    const picture: RgbImage = {data: bytes, height: 20, width: 24};
    const canvas = () => canvasOf(bytes, 20, 24);

    it('is a NeuralNetwork of the package, with the variables of the model as its parameters', () => {
      const network: base.NeuralNetwork<unknown> = net;
      expect(network).to.be.an.instanceof(base.NeuralNetwork);
      expect(network.isLoaded).to.equal(true);
      const params = net.getParamList();
      expect(params.map(({tensor}) => tensor)).to.have.members(net.model.weights.map((w) => w.read()));
      const {path, tensor} = params[0]!;
      expect(net.getParamFromPath(path)).to.equal(tensor);
      expect(net.paramMappings[0]).to.deep.equal({originalPath: path, paramPath: path});
      const other = swinNet(base, smallModel());
      expect(other.constructor).to.equal(net.constructor);
      other.dispose();
    });

    it('computes the model for whatever the package takes', async () => {
      const prepared = await preprocess(picture, {imageSize: 16});
      const expected = net.model.predict(prepared) as tf.Tensor;
      const row = Array.from(await expected.data());
      const tensor = tf.tensor3d(bytes, [20, 24, 3], 'int32');
      const batch = tf.expandDims(tensor) as tf.Tensor4D;
      const inputs = {
        canvas: canvas(),
        image: await imageOf(canvas()),
        tensor,
        batch,
        NetInput: new base.NetInput([canvas()]),
        array: [tensor],
      };
      for (const [name, input] of Object.entries(inputs)) {
        const output = await net.forward(input);
        expect(output.shape, name).to.deep.equal([1, 5]);
        expect(Array.from(await output.data()), name).to.deep.equal(row);
        output.dispose();
      }
      const two = await net.forward(await base.toNetInput([canvas(), tensor]));
      const values = Array.from(await two.data());
      expect(two.shape).to.deep.equal([2, 5]);
      expect(values.slice(0, 5)).to.deep.equal(values.slice(5));
      tf.dispose([prepared, expected, tensor, batch, two]);
    });

    it('classifies as classify does', async () => {
      const labels = ['a', 'b', 'c', 'd', 'e'];
      const expected = await classify(net.model, picture, {topK: 2, labels});
      expect(await net.classify(canvas(), {topK: 2, labels})).to.deep.equal(expected);
      expect(await net.classify([canvas()], {topK: 2, labels})).to.deep.equal([expected]);
      const one = new base.NetInput([canvas()]);
      expect(await net.classify(one, {topK: 2, labels})).to.deep.equal(expected);
      const two = new base.NetInput([canvas(), canvas()]);
      const lists = (await net.classify(two, {topK: 1})) as unknown[][];
      expect(lists.map((list) => list.length)).to.deep.equal([1, 1]);
    });

    it('says what is no picture', async () => {
      for (const input of ['photo.jpg', [], {}, null]) {
        const error = await errorOf(() => net.forward(input as unknown as HTMLCanvasElement));
        expect(error, String(input)).to.be.an.instanceof(DataError);
        expect(error.message).to.match(/^SwinNet\.forward: the input must be a NetInput, a canvas/);
      }
      const grey = tf.zeros([4, 4, 1]) as tf.Tensor3D;
      const halves = tf.fill([4, 4, 3], 0.5) as tf.Tensor3D;
      expect(await errorOf(() => net.classify(grey))).to.be.an.instanceof(ShapeError);
      expect(await errorOf(() => net.forward(halves))).to.be.an.instanceof(DataError);
      tf.dispose([grey, halves]);
    });

    it('gives its weights as one array, which another network loads', async () => {
      const values = await net.serializeParams();
      expect(values).to.be.an.instanceof(Float32Array);
      // Of a model that is frozen in part, `weights` has another order.
      const frozen = smallModel();
      const names = () => frozen.weights.map(({originalName}) => originalName);
      const before = names();
      frozen.layers.find(({weights}) => weights.length > 0)!.trainable = false;
      expect(names()).to.not.deep.equal(before);
      const other = swinNet(base, frozen);
      expect(await other.serializeParams()).to.not.deep.equal(values);
      await other.load(values);
      expect(await other.serializeParams()).to.deep.equal(values);
      expect(await valuesOf(other.model)).to.deep.equal(await valuesOf(net.model));

      const error = await errorOf(() => other.extractWeights(values.subarray(1)));
      expect(error).to.be.an.instanceof(CheckpointError);
      expect(error.message).to.contain(`${values.length} parameters; got ${values.length - 1}`);
      expect(await other.serializeParams()).to.deep.equal(values);
      other.dispose();
    });

    describe("loads the package's files", () => {
      let folder: string;
      before(async () => {
        folder = await mkdtemp(join(tmpdir(), 'swint-recognition-'));
      });
      after(() => rm(folder, {recursive: true, force: true}));

      it('from a folder and from a server', async () => {
        await writeManifest(net, folder, 'swin_model');
        await writeManifest(net, folder, 'mine');
        const expected = await valuesOf(net.model);
        const load = async (name: string | undefined, how: (other: Net) => Promise<void>) => {
          const other = swinNet(base, smallModel(), name === undefined ? {} : {name});
          const tensors = tf.memory().numTensors;
          await how(other);
          expect(tf.memory().numTensors).to.equal(tensors);
          expect(await valuesOf(other.model)).to.deep.equal(expected);
          other.dispose();
        };
        await load(undefined, (other) => other.loadFromDisk(folder));
        await load('mine', (other) => other.loadFromDisk(folder));
        const files = (await readdir(folder)).map(
          async (file) =>
            [
              `/${file}`,
              {type: 'application/octet-stream', body: await readFile(join(folder, file))},
            ] as const,
        );
        const {address, close} = await serve(new Map(await Promise.all(files)), {});
        try {
          await load(undefined, (other) => other.loadFromUri(address));
          await load(undefined, (other) => other.load(`${address}/mine-weights_manifest.json`));
        } finally {
          await close();
        }
      });

      it('and changes nothing where one does not fit', async () => {
        await writeManifest(net, folder, 'other');
        const manifest = join(folder, 'other-weights_manifest.json');
        const [group] = JSON.parse(await readFile(manifest, 'utf8'));
        group.weights.at(-1).name = 'head/other';
        await writeFile(manifest, JSON.stringify([group]));
        const before = await valuesOf(net.model);
        const tensors = tf.memory().numTensors;
        const error = await errorOf(() => net.loadFromDisk(manifest));
        expect(error).to.be.an.instanceof(CheckpointError);
        expect(error.message).to.match(/1 missing \(.+\) and 1 that it does not have \(head\/other\)/);
        expect(tf.memory().numTensors).to.equal(tensors);
        expect(await valuesOf(net.model)).to.deep.equal(before);
      });
    });

    it('takes the tensors of a weight map over, and no variables', async () => {
      const other = swinNet(base, smallModel());
      const params = other.getParamList();
      const copies = Object.fromEntries(params.map(({path, tensor}) => [path, tf.clone(tensor)]));
      net.loadFromWeightMap(copies);
      expect(Object.values(copies).every(({isDisposed}) => isDisposed)).to.equal(true);
      expect(await valuesOf(net.model)).to.deep.equal(await valuesOf(other.model));

      net.loadFromWeightMap(Object.fromEntries(params.map(({path, tensor}) => [path, tensor])));
      expect(params.some(({tensor}) => tensor.isDisposed)).to.equal(false);

      const wrong = Object.fromEntries(
        params.map(({path, tensor}, i) => [path, i === 3 ? tf.zeros([1, 2, 3]) : tf.zerosLike(tensor)]),
      );
      const error = await errorOf(() => net.loadFromWeightMap(wrong));
      expect(error).to.be.an.instanceof(CheckpointError);
      expect(error.message).to.contain(`${params[3]!.path} must be float32`).and.to.contain('[1, 2, 3]');
      expect(await valuesOf(net.model)).to.deep.equal(await valuesOf(other.model));
      other.dispose();
    });

    it('writes a parameter that is reassigned into its variable', async () => {
      const {path, tensor} = net.getParamList()[1]!;
      const ones = tf.ones(tensor.shape);
      net.reassignParamFromPath(path, ones);
      expect(ones.isDisposed).to.equal(true);
      expect(net.getParamFromPath(path)).to.equal(tensor);
      expect(new Set(await tensor.data())).to.deep.equal(new Set([1]));
      const error = await errorOf(() => net.reassignParamFromPath('no/such', tensor));
      expect(error).to.be.an.instanceof(CheckpointError);
      expect(error.message).to.contain('no/such');
    });

    it('disposes the model, once', async () => {
      const {numTensors} = tf.memory();
      const other = swinNet(base, smallModel());
      other.dispose();
      expect(tf.memory().numTensors).to.equal(numTensors);
      expect(other.isLoaded).to.equal(false);
      expect(() => other.dispose()).to.throw(ConfigError, /disposed already/);
      other.dispose(false);
      for (const use of [
        () => other.forward(canvas()),
        () => other.classify(canvas()),
        () => other.serializeParams(),
        () => other.extractWeights(new Float32Array(1)),
        () => other.freeze(),
        () => other.variable(),
      ]) {
        expect(await errorOf(use)).to.be.an.instanceof(ConfigError);
      }
    });

    it('leaves no tensor behind', async () => {
      const {numTensors} = tf.memory();
      for (let i = 0; i < 3; i++) {
        (await net.forward(canvas())).dispose();
        await net.classify(canvas());
        net.extractWeights(await net.serializeParams());
      }
      expect(tf.memory().numTensors).to.equal(numTensors);
    });
  });

  eachBackend(
    () => {
      /** A model within a model, and statistics that no training step changes by a gradient. */
      const nested = () =>
        tf.sequential({
          layers: [
            tf.sequential({
              layers: [
                tf.layers.conv2d({inputShape: [8, 8, 3], filters: 4, kernelSize: 3}),
                batchNormalization({axis: -1}),
              ],
            }),
            tf.layers.globalAveragePooling2d({}),
            tf.layers.dense({units: 3}),
          ],
        });

      it('freezes all layers and makes them trainable again, with the same variables', async () => {
        const net = swinNet(base, nested());
        const tensors = net.getParamList().map(({tensor}) => tensor);
        const statistics = ['moving_mean', 'moving_variance'];
        const namesOf = (params: {path: string}[]) => params.map(({path}) => path.split('/').at(-1));
        expect(namesOf(net.getFrozenParams())).to.deep.equal(statistics);
        expect(net.getTrainableParams()).to.have.length(6);

        const x = tf.randomNormal([4, 8, 8, 3]);
        const y = tf.oneHot([0, 1, 2, 0], 3);
        const step = async () => {
          const variables = net.getTrainableParams().map(({tensor}) => tensor as tf.Variable);
          const loss = () => tf.losses.softmaxCrossEntropy(y, net.model.apply(x) as tf.Tensor) as tf.Scalar;
          const optimizer = tf.train.sgd(0.5);
          optimizer.minimize(loss, false, variables);
          optimizer.dispose();
        };
        net.freeze();
        expect(net.getTrainableParams()).to.deep.equal([]);
        expect(net.getFrozenParams()).to.have.length(8);
        expect(net.model.trainableWeights).to.deep.equal([]);
        const frozen = await net.serializeParams();
        net.variable();
        expect(await net.serializeParams()).to.deep.equal(frozen);
        expect(namesOf(net.getFrozenParams())).to.deep.equal(statistics);
        await step();
        expect(await net.serializeParams()).to.not.deep.equal(frozen);
        expect(net.getParamList().map(({tensor}) => tensor)).to.deep.equal(tensors);
        net.dispose();
        tf.dispose([x, y]);
      });
    },
    {only: ['wasm', 'webgpu']},
  );

  it('says what it does not take', () => {
    const model = smallModel();
    expect(() => swinNet({} as typeof base, model)).to.throw(ConfigError, /base must be the module/);
    expect(() => swinNet(base, {} as tf.LayersModel)).to.throw(ConfigError, /must be a LayersModel/);
    expect(() => swinNet(base, model, {nam: 'x'} as object)).to.throw(ConfigError, /got nam \(try name\)/);
    expect(() => swinNet(base, model, {name: ''})).to.throw(ConfigError, /name must be/);
    const pyramid = swinBackbone({embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 2});
    expect(() => swinNet(base, pyramid)).to.throw(ConfigError, /one output; got 1 and 2/);
    const input = tf.input({shape: [4]});
    const first = tf.layers.dense({units: 4, name: 'same'}).apply(input) as tf.SymbolicTensor;
    const inner = tf.model({inputs: input, outputs: first, name: 'inner'});
    const other = tf.input({shape: [4]});
    const second = tf.layers.dense({units: 4, name: 'same'}).apply(other) as tf.SymbolicTensor;
    const twice = tf.model({inputs: other, outputs: inner.apply(second) as tf.SymbolicTensor});
    expect(() => swinNet(base, twice)).to.throw(ConfigError, /path of its own; got same\/kernel again/);
    for (const one of [model, pyramid, twice]) one.dispose();
  });
});
