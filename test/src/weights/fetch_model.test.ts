import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {besideModelJson, fetchModel} from '../../../src/weights/fetch_model.js';
import {opened} from '../../helpers/opened.js';
import {errorOf} from '../data/memory_dataset.js';
import {artifactsOf, predict, smallModel} from '../node/small_model.js';

describe('fetchModel', () => {
  const files = new Map<string, Uint8Array | string>();
  let close: () => Promise<void>;
  let address: string;
  let model: tf.Sequential;

  /** A model.json with its weights in two files of another folder, whose names want encoding. */
  function serve(folder: string, changes: object = {}, weights?: ArrayBuffer): void {
    const bytes = new Uint8Array(weights ?? all);
    files.set(`/${folder}/model.json`, JSON.stringify({...json, ...changes}));
    files.set(`/${folder}/parts/a%20b.bin`, bytes.subarray(0, 100));
    files.set(`/${folder}/parts/c%23.bin`, bytes.subarray(100));
  }
  let json: {modelTopology: object; weightsManifest: object[]};
  let all: ArrayBuffer;

  before(async () => {
    await tf.setBackend('cpu');
    model = smallModel(1);
    const {modelTopology, weightSpecs, weightData} = await artifactsOf(model);
    all = tf.io.CompositeArrayBuffer.join(weightData);
    json = {
      modelTopology: modelTopology as object,
      weightsManifest: [{paths: ['parts/a b.bin', 'parts/c#.bin'], weights: weightSpecs}],
    };
    const server = createServer((request, response) => {
      const body = files.get(request.url!);
      if (body === undefined) response.writeHead(404);
      response.end(body);
    });
    close = opened(() => {
      server.closeAllConnections();
      server.close();
    }, 'run');
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    model.dispose();
    await close();
  });

  const fetched = (folder: string, options?: object) =>
    fetchModel('test', besideModelJson(new URL(`${address}/${folder}/model.json`)), options);

  it('is the model, from several files of weights, and tells how far it is', async () => {
    serve('whole');
    const loaded: [number, number][] = [];
    const same = await fetched('whole', {
      onProgress: (progress: {loaded: number; total: number}) =>
        loaded.push([progress.loaded, progress.total]),
    });
    expect(await predict(same)).to.deep.equal(await predict(model));
    expect(loaded.at(-1)).to.deep.equal([all.byteLength, all.byteLength]);
    expect(
      loaded.every(([so, total], i) => total === all.byteLength && so >= (loaded[i - 1]?.[0] ?? 0)),
    ).to.equal(true);
    same.dispose();
  });

  it('refuses what is missing, cut short, no model or of unknown layers, and leaves no tensor', async () => {
    serve('cut', {}, all.slice(0, -4));
    serve('unknown', {
      modelTopology: JSON.parse(JSON.stringify(json.modelTopology).replaceAll('Conv2D', 'Conv9D')),
    });
    serve('missing', {weightsManifest: [{...json.weightsManifest[0], paths: ['parts/none.bin']}]});
    files.set('/page/model.json', '<!doctype html>');
    const cases: [folder: string, message: RegExp][] = [
      [
        'cut',
        new RegExp(`test: the weights must have the ${all.byteLength} bytes .*; got ${all.byteLength - 4} `),
      ],
      [
        'unknown',
        /test: the topology must be one that the imported layer classes can build; got Unknown layer: Conv9D/,
      ],
      ['missing', /parts\/none\.bin: .*404/],
      ['page', /test: model\.json must be JSON/],
      ['nowhere', /nowhere\/model\.json: .*404/],
    ];
    for (const [folder, message] of cases) {
      const before = tf.memory().numTensors;
      const error = await errorOf(() => fetched(folder));
      expect(error, folder).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(message);
      expect(tf.memory().numTensors, folder).to.equal(before);
    }
  });

  it('keeps to the limits that it is given', async () => {
    serve('limits');
    expect((await errorOf(() => fetched('limits', {maxBytes: 50}))).message).to.match(
      /at most 50 bytes \(maxBytes\)/,
    );
    expect(await errorOf(() => fetched('limits', {timeout: -1}))).to.be.instanceOf(ConfigError);
    const reason = new Error('enough');
    expect(await errorOf(() => fetched('limits', {signal: AbortSignal.abort(reason)}))).to.equal(reason);
  });
});
