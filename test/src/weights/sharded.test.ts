/** Checkpoints in several files with an index: from a folder, a URL and a hub; what does not fit together is refused. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {inspectCheckpoint} from '../../../src/node/inspect_checkpoint.js';
import {loadWeights, swinFromCheckpoint} from '../../../src/node/weight_files.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {openCheckpoint} from '../../../src/weights/open_checkpoint.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {rejection} from '../node/small_model.js';
import {startHub} from './hub_server.js';

const small = {
  ...{embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 4, patchSize: 2, numClasses: 3},
  ...{imageSize: 32},
};

interface Shards {
  /** By name, the index among them. */
  files: Map<string, Uint8Array>;
  weightMap: Record<string, string>;
}

const INDEX = 'model.safetensors.index.json';
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A checkpoint in three files, every third tensor in each. */
function split(bytes: Uint8Array): Shards {
  const {tensors, values} = openSafetensors(bytesSource(bytes));
  const files = new Map<string, Uint8Array>();
  const weightMap: Record<string, string> = {};
  for (const part of [0, 1, 2]) {
    const file = `model-0000${part + 1}-of-00003.safetensors`;
    const mine = [...tensors].filter((_, i) => i % 3 === part);
    for (const [name] of mine) weightMap[name] = file;
    files.set(
      file,
      writeSafetensors(
        mine.map(([name, {shape}]) => ({name, shape, values: values(name)})),
        {format: 'pt'},
      ),
    );
  }
  files.set(INDEX, json({metadata: {total_size: 4}, weight_map: weightMap}));
  return {files, weightMap};
}

describe('a checkpoint in several files', () => {
  let dir: string;
  let model: tf.LayersModel;
  let whole: Uint8Array;
  let shards: Shards;

  before(async () => {
    await tf.setBackend('cpu');
    model = swinTransformer({...small, seed: 1});
    whole = await saveWeights(model, {layout: 'huggingface'});
  });
  after(() => model.dispose());
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'swint-shards-'));
    shards = split(whole);
  });
  afterEach(() => rm(dir, {recursive: true, force: true}));

  const write = async () => {
    for (const [name, bytes] of shards.files) await writeFile(join(dir, name), bytes);
    return join(dir, INDEX);
  };
  const expectSame = (loaded: tf.LayersModel) => {
    for (const [i, weight] of loaded.getWeights().entries()) {
      expectBitEqual(`weight ${i}`, weight.dataSync(), model.getWeights()[i].dataSync());
    }
  };

  it('is read as one file is', async () => {
    const path = await write();
    const other = swinTransformer({...small, seed: 2});
    const report = await loadWeights(other, path);
    expect(report).to.include({layout: 'huggingface'});
    expect([report.missing, report.unexpected]).to.deep.equal([[], []]);
    expectSame(other);
    other.dispose();
    const built = await swinFromCheckpoint(path, {imageSize: 32});
    expectSame(built.model);
    built.model.dispose();
    const inspection = await inspectCheckpoint(path);
    expect(inspection.tensors.length).to.equal(openSafetensors(bytesSource(whole)).tensors.size);
    const source = {
      ...bytesSource(shards.files.get(INDEX)!),
      beside: (name: string) => bytesSource(shards.files.get(name)!),
    };
    expect(() => openCheckpoint(source).values('x')).to.throw(CheckpointError, /there must be a tensor x/);
  });

  it('comes from a URL or a hub with the files beside the index', async () => {
    const hub = await startHub();
    try {
      for (const [name, bytes] of shards.files) hub.files.set(`/me/net/resolve/main/${name}`, bytes);
      const seen: {loaded: number; total?: number}[] = [];
      const options = {
        ...{imageSize: 32, endpoint: hub.address, cache: dir},
        onProgress: (progress: {loaded: number; total?: number}) => void seen.push(progress),
      };
      const fromHub = await swinFromCheckpoint('hf:me/net', options);
      expectSame(fromHub.model);
      fromHub.model.dispose();
      const bytes = [...shards.files].reduce(
        (sum, [name, {length}]) => sum + (name === INDEX ? 0 : length),
        0,
      );
      expect(seen.at(-1)).to.deep.equal({loaded: bytes, total: bytes});
      // A kept copy is taken as one file's is.
      const offline = await swinFromCheckpoint('hf:me/net', {...options, offline: true});
      expectSame(offline.model);
      offline.model.dispose();
      const fromUrl = await swinFromCheckpoint(`${hub.address}/me/net/resolve/main/${INDEX}`, {
        imageSize: 32,
      });
      expectSame(fromUrl.model);
      fromUrl.model.dispose();
      const tooMuch = await rejection(
        swinFromCheckpoint('hf:me/net', {...options, cache: false, maxBytes: bytes - 1}),
      );
      expect(tooMuch.message).to.match(/must have at most \d+ bytes/);
      hub.files.delete('/me/net/resolve/main/model-00002-of-00003.safetensors');
      const absent = await rejection(swinFromCheckpoint('hf:me/net', {...options, cache: false}));
      expect(absent).to.be.instanceOf(CheckpointError);
      expect(absent.message).to.match(/model-00002-of-00003\.safetensors.*404/);
    } finally {
      hub.close();
    }
  });

  const reindexed = (change: (map: Record<string, unknown>) => void) => {
    const map: Record<string, unknown> = {...shards.weightMap};
    change(map);
    shards.files.set(INDEX, json({weight_map: map}));
  };
  const faults: [string, () => void, RegExp][] = [
    [
      'a file that is not there',
      () => shards.files.delete('model-00003-of-00003.safetensors'),
      /00003.*ENOENT/,
    ],
    [
      'a tensor that is not where the index says',
      () => reindexed((map) => (map.ghost = 'model-00001-of-00003.safetensors')),
      /index\.json: each tensor must be in the file that the index says; got no ghost in model-00001/,
    ],
    [
      'a tensor that the index does not name',
      () => reindexed((map) => delete map[Object.keys(map)[0]]),
      /the index must say where each tensor of its files is; got .* in model-00001-of-00003\.safetensors alone/,
    ],
    [
      'a file in another folder',
      () => reindexed((map) => (map[Object.keys(map)[0]] = '../model.safetensors')),
      /must be a name without a folder; got "\.\.\/model\.safetensors"/,
    ],
    [
      'the folder itself',
      () => reindexed((map) => (map[Object.keys(map)[0]] = '..')),
      /a name without a folder; got "\.\."/,
    ],
    [
      'a file that is no text',
      () => reindexed((map) => (map[Object.keys(map)[0]] = 3)),
      /a name without a folder; got 3/,
    ],
    [
      'an index in an index',
      () => reindexed((map) => (map[Object.keys(map)[0]] = INDEX)),
      /must have tensors; got an index/,
    ],
    [
      'no tensors',
      () => shards.files.set(INDEX, json({weight_map: {}})),
      /the weight_map must have tensors; got none/,
    ],
    [
      'no map',
      () => shards.files.set(INDEX, json({metadata: {}})),
      /must have a weight_map, .*; got undefined/,
    ],
    [
      'half an index',
      () => shards.files.set(INDEX, json({weight_map: {}}).subarray(0, 16)),
      /an index must be JSON/,
    ],
    [
      'a damaged file',
      () => shards.files.set('model-00001-of-00003.safetensors', new Uint8Array(20)),
      /00001-of-00003/,
    ],
  ];
  for (const [what, spoil, message] of faults) {
    it(`refuses ${what}, and leaves the model as it was`, async () => {
      spoil();
      const path = await write();
      const error = await rejection(loadWeights(model, path));
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(message);
    });
  }

  it('refuses the bytes of an index alone', async () => {
    const error = await rejection(loadWeights(model, shards.files.get(INDEX)!));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(
      /an index must come with the files that it names, model-00001.*\(give its path or its URL\)/,
    );
  });
});
