/** Models that somebody else wrote: what model.json may not say, and what it may. */
import {execFile} from 'node:child_process';
import {cp, mkdir, readFile, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {promisify} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveModel} from '../../../src/node/save_model.js';
import {predict, rejection, smallModel} from './small_model.js';
import {temporaryFolder} from './temporary_folder.js';

// biome-ignore lint/suspicious/noExplicitAny: JSON that the tests damage.
type Json = any;

/** A model of two inputs, a shared layer, and a model within it. */
function graph(): tf.LayersModel {
  const inner = tf.sequential({
    name: 'inner',
    layers: [tf.layers.dense({name: 'd', units: 3, inputShape: [3]})],
  });
  const [a, b] = ['a', 'b'].map((name) => tf.input({shape: [3], name}));
  const shared = tf.layers.dense({name: 'shared', units: 3});
  const [x, y] = [a, b].map((one) => shared.apply(one) as tf.SymbolicTensor);
  const sum = tf.layers
    .add({name: 'sum'})
    .apply([inner.apply(x) as tf.SymbolicTensor, y]) as tf.SymbolicTensor;
  return tf.model({inputs: [a, b], outputs: inner.apply(sum) as tf.SymbolicTensor, name: 'outer'});
}

describe('loadModel of files of others', () => {
  const path = temporaryFolder();
  let dir = '';
  let count = 0;

  before(async () => {
    await tf.setBackend('cpu');
    const model = graph();
    await saveModel(model, path('graph'));
    model.dispose();
  });
  beforeEach(async () => {
    dir = path(`model-${count++}`);
    await cp(path('graph'), dir, {recursive: true});
  });

  async function changed(change: (json: Json) => void): Promise<void> {
    const json = JSON.parse(await readFile(`${dir}/model.json`, 'utf8'));
    change(json);
    await writeFile(`${dir}/model.json`, JSON.stringify(json));
  }

  const layersOf = (json: Json) => json.modelTopology.config.layers as Json[];
  const layerOf = (json: Json, name: string) => layersOf(json).find((layer) => layer.name === name);

  it('builds models within models, shared layers, and layers of this library', async () => {
    const again = await loadModel(dir);
    const outputs = tf.tidy(() => {
      const inputs = [tf.ones([2, 3]), tf.zeros([2, 3])];
      const model = graph();
      model.setWeights(again.getWeights());
      const result = [again, model].map((one) => [...(one.predict(inputs) as tf.Tensor).dataSync()]);
      model.dispose();
      return result;
    });
    expect(outputs[0]).to.deep.equal(outputs[1]);
    again.dispose();
    const swin = swinTransformer({
      ...{imageSize: 16, patchSize: 2, embedDim: 8, depths: [2], numHeads: [2], windowSize: 4, numClasses: 3},
    });
    await saveModel(swin, path('swin'));
    const loaded = await loadModel(path('swin'));
    expect(loaded.countParams()).to.equal(swin.countParams());
    for (const model of [swin, loaded]) model.dispose();
  });

  it('takes files in folders below, and links', async function () {
    await mkdir(`${dir}/weights`);
    await rename(`${dir}/weights.bin`, `${dir}/weights/all.bin`);
    await changed((json) => {
      json.weightsManifest[0].paths = ['weights/all.bin'];
    });
    (await loadModel(dir)).dispose();
    if (process.platform === 'win32') this.skip();
    await symlink('weights/all.bin', `${dir}/link.bin`);
    await changed((json) => {
      json.weightsManifest[0].paths = ['link.bin'];
    });
    (await loadModel(dir)).dispose();
  });

  it('leaves no tensor of a model that cannot be built', async () => {
    await changed((json) => {
      layerOf(json, 'shared').config.units = 4;
    });
    const {numTensors} = tf.memory();
    expect(await rejection(loadModel(dir))).to.be.instanceOf(CheckpointError);
    expect(tf.memory().numTensors).to.equal(numTensors);
  });

  it('draws nothing for weights that are replaced, and leaves other models alone', async () => {
    const [loaded, made] = await Promise.all([
      loadModel(dir),
      Promise.resolve().then(() => {
        const model = smallModel(1);
        return model;
      }),
    ]);
    expect((await predict(made)).some((value) => value !== 0)).to.equal(true);
    for (const model of [loaded, made]) model.dispose();
  });

  const nodes = (...inputs: [string, number][]) => [inputs.map(([name, call]) => [name, call, 0, {}])];
  const wrong: [string, (json: Json) => void, RegExp][] = [
    ...[
      '../weights.bin',
      '/etc/passwd',
      'a/../../b',
      'C:\\x',
      '..\\x',
      'https://x.example/y',
      '',
      7,
      './x',
      'a//b',
    ].map((file): [string, (json: Json) => void, RegExp] => [
      `a file of weights ${JSON.stringify(file)}`,
      (json) => {
        json.weightsManifest[0].paths = [file];
      },
      /must name files of weights below its own folder, as a\/b\.bin; got/,
    ]),
    [
      'a file twice',
      (json) => {
        json.weightsManifest[0].paths = ['weights.bin', 'weights.bin'];
      },
      /name every file once/,
    ],
    [
      'a group that is none',
      (json) => {
        json.weightsManifest = [null];
      },
      /list paths and weights in each group of weightsManifest; got null/,
    ],
    [
      'no shape',
      (json) => {
        delete json.weightsManifest[0].weights[0].shape;
      },
      /a shape of sizes from 0; got none/,
    ],
    [
      'a negative size',
      (json) => {
        json.weightsManifest[0].weights[0].shape = [-3, -3];
      },
      /a shape of sizes from 0; got \[-3,-3\]/,
    ],
    [
      'text as a weight',
      (json) => {
        json.weightsManifest[0].weights[0].dtype = 'string';
      },
      /the dtype float32, int32 or bool; got "string"/,
    ],
    [
      'a quantization without a scale',
      (json) => {
        json.weightsManifest[0].weights[0].quantization = {dtype: 'uint8', min: 0};
      },
      /a finite min and scale/,
    ],
    [
      'a weight twice',
      (json) => {
        json.weightsManifest[0].weights.push(json.weightsManifest[0].weights[0]);
      },
      /name every weight once/,
    ],
    [
      'a layer that feeds itself',
      (json) => {
        layerOf(json, 'shared').inbound_nodes = nodes(['shared', 0]);
      },
      /"shared", which waits for \["shared",0\] for ever/,
    ],
    [
      'layers that feed each other',
      (json) => {
        layerOf(json, 'sum').inbound_nodes = nodes(['inner', 2], ['shared', 1]);
      },
      /feed every layer from the inputs on/,
    ],
    [
      'a layer that feeds itself in a model that names no inputs',
      (json) => {
        layerOf(json, 'shared').inbound_nodes = nodes(['shared', 0]);
        delete json.modelTopology.config.input_layers;
      },
      /"shared", which waits for \["shared",0\] for ever/,
    ],
    [
      'a layer that is not there',
      (json) => {
        layerOf(json, 'sum').inbound_nodes = nodes(['nobody', 0], ['shared', 1]);
      },
      /waits for \["nobody",0\] for ever/,
    ],
    [
      'a call that is never made',
      (json) => {
        layerOf(json, 'sum').inbound_nodes = nodes(['shared', 9], ['shared', 1]);
      },
      /waits for \["shared",9\] for ever/,
    ],
    [
      'a circle in a model within',
      (json) => {
        const inner = structuredClone(json.modelTopology);
        inner.config.name = 'sum';
        inner.config.layers.find((layer: Json) => layer.name === 'shared').inbound_nodes = nodes([
          'shared',
          0,
        ]);
        Object.assign(layerOf(json, 'sum'), {class_name: 'Model', config: inner.config});
      },
      /"shared", which waits for/,
    ],
    [
      'two layers of one name',
      (json) => {
        layersOf(json).push(layerOf(json, 'shared'));
      },
      /name every layer once; got "shared" twice/,
    ],
    [
      'a layer of two names',
      (json) => {
        layerOf(json, 'shared').config.name = 'sum';
      },
      /the same name in its config/,
    ],
    [
      'calls as Keras 3 writes them',
      (json) => {
        layerOf(json, 'shared').inbound_nodes = [{args: [], kwargs: {}}];
      },
      /inbound_nodes of \[layer, call, output\].*Keras 3/,
    ],
    [
      'more weights than there are',
      (json) => {
        layerOf(json, 'shared').config.units = 1e9;
      },
      /can build; got it asks for more weights than the file has, at kernel \[3,1000000000\]/,
    ],
    [
      'deep nesting',
      (json) => {
        let deep: Json = {};
        for (let i = 0; i < 1500; i++) deep = [deep];
        layerOf(json, 'shared').config.deep = deep;
      },
      /at most 50 models in one another/,
    ],
    [
      'metadata that are none',
      (json) => {
        json.userDefinedMetadata = 'x';
      },
      /userDefinedMetadata that is an object/,
    ],
  ];
  for (const [what, change, message] of wrong) {
    it(`refuses ${what}`, async () => {
      await changed(change);
      const error = await rejection(loadModel(dir));
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(message);
    });
  }

  it('refuses pipes and directories in place of files, and URLs', async function () {
    await rm(`${dir}/weights.bin`);
    await mkdir(`${dir}/weights.bin`);
    expect((await rejection(loadModel(dir))).message).to.match(/weights\.bin must be an ordinary file/);
    const error = await rejection(loadModel('https://models.example/model.json'));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(/must be a directory; got a URL \(tf\.loadLayersModel takes one\)/);
    if (process.platform === 'win32') this.skip();
    await rm(`${dir}/model.json`);
    await promisify(execFile)('mkfifo', [`${dir}/model.json`]);
    expect((await rejection(loadModel(dir))).message).to.match(/model\.json must be an ordinary file/);
  });
});
