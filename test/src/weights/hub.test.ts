/** Checkpoints of a hub, with what stands beside them: addresses, configurations, the cache, errors. */
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {classifierMetadata} from '../../../src/inference/classifier_metadata.js';
import {loadWeights, swinFromCheckpoint} from '../../../src/node/weight_files.js';
import {swinFromCheckpoint as swinInBrowser} from '../../../src/weights/from_checkpoint.js';
import {endpointOf, hubUrl, parseHubAddress} from '../../../src/weights/hub_address.js';
import {loadWeights as loadInBrowser} from '../../../src/weights/load_weights.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {rejection} from '../node/small_model.js';
import {type HubServer, startHub} from './hub_server.js';
import {safetensorsWithout} from './safetensors_without.js';

const small = {
  ...{embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 4, patchSize: 2, numClasses: 3},
  ...{imageSize: 32, seed: 1},
};

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

describe('addresses on a hub', () => {
  const url = (text: string, file = 'x') =>
    hubUrl(parseHubAddress(text), parseHubAddress(text).file ?? file, new URL('https://mirror.example/hub/'))
      .href;

  it('name a repository, a revision and a file', () => {
    for (const [text, path] of [
      ['hf:me/net', 'me/net/resolve/main/x'],
      ['HF:me/net', 'me/net/resolve/main/x'],
      ['hf://me/net', 'me/net/resolve/main/x'],
      ['hf:me/net-1.5_b@v1.0', 'me/net-1.5_b/resolve/v1.0/x'],
      ['hf:me/net@refs%2Fpr%2F1/a b/c.bin', 'me/net/resolve/refs%2Fpr%2F1/a%20b/c.bin'],
      ['hf:me/net/folder/model.safetensors', 'me/net/resolve/main/folder/model.safetensors'],
    ]) {
      expect(url(text), text).to.equal(`https://mirror.example/hub/${path}`);
    }
  });

  it('are refused in any other form', () => {
    for (const text of [
      ...[
        'hf:',
        'hf:net',
        'hf:/net',
        'hf:me/',
        'hf:../x',
        'hf:me/..',
        'hf:me/a..b',
        'hf:me/net@',
        'hf:me/net@%',
        'hf:me/net@..',
      ],
      ...[
        'hf:me/net/../x',
        'hf:me/net@../x',
        'hf:me/net@a%2F..%2F..%2Fb',
        'hf:me/net/a//b',
        'hf:me/net/a?b',
        'hf:me/net/a\\b',
      ],
      'hf:me/net/a\nb',
    ]) {
      expect(() => parseHubAddress(text), text).to.throw(CheckpointError, /must be named hf:owner\/name/);
    }
    for (const endpoint of ['x', 'ftp://x.example', 'https://a:b@x.example', 'https://x.example/?a=1']) {
      expect(() => endpointOf('who', endpoint), endpoint).to.throw(
        ConfigError,
        /^who: endpoint must be the URL of a hub/,
      );
    }
  });
});

describe('checkpoints of a hub', () => {
  let hub: HubServer;
  let cache: string;
  let model: tf.LayersModel;
  let bytes: Uint8Array;
  const environment = {...process.env};
  before(async () => {
    await tf.setBackend('cpu');
    hub = await startHub();
    model = swinTransformer(small);
    bytes = await saveWeights(model, {layout: 'huggingface'});
  });
  after(() => {
    hub.close();
    model.dispose();
  });
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'swint-hub-'));
    hub.files.clear();
    hub.misbehave = undefined;
    hub.asked.length = 0;
    process.env.HF_ENDPOINT = hub.address;
    process.env.TFJS_SWINT_CACHE = cache;
    delete process.env.HF_HUB_OFFLINE;
  });
  afterEach(async () => {
    process.env = {...environment};
    await rm(cache, {recursive: true, force: true});
  });

  const put = (name: string, content: Uint8Array | object, at = '/me/net/resolve/main/') =>
    hub.files.set(
      at + name,
      content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content)),
    );

  it('are loaded with their classes and how images are prepared, and again without the hub', async () => {
    put('model.safetensors', bytes);
    put('config.json', {model_type: 'swin', image_size: 48, id2label: {0: 'cat', 1: 'dog', 2: 'bird'}});
    put('preprocessor_config.json', {
      size: {height: 48, width: 48},
      resample: 2,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.25, 0.5, 0.5],
    });
    const progress: object[] = [];
    const loaded = await swinFromCheckpoint('hf:me/net', {onProgress: (one) => progress.push(one)});
    expect(classifierMetadata(loaded.model)).to.deep.equal({
      ...{classNames: ['cat', 'dog', 'bird'], imageSize: 48, cropFraction: 1, cropMode: 'squash'},
      ...{interpolation: 'bilinear', mean: [0.5, 0.5, 0.5], std: [0.25, 0.5, 0.5]},
    });
    expect(loaded.report.matched.length).to.equal(model.weights.length);
    expect(loaded.report.notes.filter((note) => note.includes('.json'))).to.deep.equal([]);
    expect(loaded.origin).to.deep.equal({
      ...{url: `${hub.address}/me/net/resolve/main/model.safetensors`, from: 'server', checked: 'sha256'},
    });
    expect(progress.at(-1)).to.deep.equal({loaded: bytes.length, total: bytes.length});
    hub.asked.length = 0;
    process.env.HF_HUB_OFFLINE = '1';
    const again = await swinFromCheckpoint('hf:me/net', {numClasses: 5});
    expect(again.origin?.from).to.equal('cache');
    // The names are of other classes.
    expect(classifierMetadata(again.model)).to.not.have.property('classNames');
    expect(classifierMetadata(again.model).cropMode).to.equal('squash');
    await loadWeights(model, 'hf:me/net');
    expect(hub.asked).to.deep.equal([]);
    for (const one of [loaded, again]) one.model.dispose();
  });

  it('are found under either usual name, at a revision, and under any other that is given', async () => {
    put('pytorch_model.bin', bytes);
    put('sub/x.safetensors', bytes, `/me/net/resolve/${COMMIT}/`);
    put(
      'sub/config.json',
      {architecture: 'x', pretrained_cfg: {input_size: [3, 40, 24]}},
      `/me/net/resolve/${COMMIT}/`,
    );
    (await swinFromCheckpoint('hf:me/net')).model.dispose();
    const source = `hf:me/net@${COMMIT}/sub/x.safetensors`;
    const {model: found} = await swinFromCheckpoint(source, {endpoint: `${hub.address}/`});
    expect(classifierMetadata(found).imageSize).to.deep.equal([40, 24]);
    found.dispose();
    // A commit never changes: nobody is asked again.
    hub.asked.length = 0;
    await loadWeights(model, source);
    expect(hub.asked).to.deep.equal([]);
  });

  it("tell V2's window where the weights do not", async () => {
    const v2 = swinTransformer({...small, variant: 'v2', pretrainedWindowSize: 3});
    put('model.safetensors', await saveWeights(v2));
    put('config.json', {
      model_type: 'swinv2',
      image_size: 32,
      window_size: 4,
      pretrained_window_sizes: [3, 3],
    });
    const {model: found} = await swinFromCheckpoint('hf:me/net');
    const x = tf.randomNormal([1, 3, 32, 32]);
    const [ours, theirs] = [found, v2].map((one) => [...(one.predict(x) as tf.Tensor).dataSync()]);
    expect(ours).to.deep.equal(theirs);
    const other = await swinFromCheckpoint('hf:me/net', {windowSize: 2});
    expect(other.model.getLayer('layers.0').getConfig().windowSize).to.deep.equal([2, 2]);
    for (const one of [v2, found, other.model]) one.dispose();
  });

  it('keep nothing where cache is false, and elsewhere where it names a folder', async () => {
    put('model.safetensors', bytes);
    await loadWeights(model, 'hf:me/net', {cache: false});
    expect(await readdir(cache)).to.deep.equal([]);
    await loadWeights(model, 'hf:me/net', {cache: join(cache, 'mine')});
    expect(await readdir(cache)).to.deep.equal(['mine']);
    expect(await readdir(join(cache, 'mine'))).to.have.lengthOf(2);
  });

  it('may be behind any URL, which is kept where cache says so, with what is beside it', async () => {
    put('w.safetensors', bytes, '/any/');
    put('config.json', {architecture: 'swin_x', label_names: ['a', 'b', 'c']}, '/any/');
    hub.files.set('/any/preprocessor_config.json', new TextEncoder().encode('<html>'));
    const url = `${hub.address}/any/w.safetensors`;
    const first = await swinFromCheckpoint(url);
    expect(classifierMetadata(first.model).classNames).to.deep.equal(['a', 'b', 'c']);
    expect(await readdir(cache)).to.deep.equal([]);
    const second = await swinFromCheckpoint(new URL(url), {cache: true});
    const third = await swinFromCheckpoint(url, {cache: true, offline: true});
    expect(third.origin?.from).to.equal('cache');
    expect(classifierMetadata(third.model).classNames).to.deep.equal(['a', 'b', 'c']);
    for (const one of [first, second, third]) one.model.dispose();
  });

  it('come to the entry of browsers too, where nothing is kept without a Cache API', async () => {
    put('model.safetensors', bytes);
    const {model: found, origin} = await swinInBrowser('hf:me/net', {endpoint: hub.address});
    expect(origin?.from).to.equal('server');
    await loadInBrowser(found, 'hf:me/net', {endpoint: new URL(hub.address)});
    expect(await readdir(cache)).to.deep.equal([]);
    found.dispose();
  });

  it('say what could not be used, and refuse a configuration that is none', async () => {
    put('model.safetensors', bytes);
    put('config.json', {model_type: 'vit', id2label: {0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}});
    put('preprocessor_config.json', {resample: 0, size: 32, rescale_factor: 1});
    const {
      model: found,
      report: {notes},
    } = await swinFromCheckpoint('hf:me/net');
    expect(notes).to.have.lengthOf(3);
    expect(notes.join()).to.match(/model_type is "vit".*not scaled by 1 \/ 255.*resample 0 is not known/);
    expect(classifierMetadata(found)).to.not.have.property('classNames');
    found.dispose();
    put('config.json', new TextEncoder().encode('[1]'));
    const error = await rejection(swinFromCheckpoint('hf:me/net'));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(/config\.json: the file must be a JSON object/);
  });

  const status = (code: number) => () => {
    hub.misbehave = (_, response) => {
      response.writeHead(code).end();
      return true;
    };
  };
  const refused: [string, string, object, RegExp, (() => void)?][] = [
    [
      'no weights',
      'hf:me/none',
      {},
      /hf:me\/none: the repository must have model.safetensors or pytorch_model.bin, or the index of either, at revision main; got .*404/,
    ],
    ['no such file', 'hf:me/net/x.bin', {}, /net\/resolve\/main\/x\.bin: .*got status 404/],
    [
      'a private repository',
      'hf:me/net',
      {},
      /must be there and open to everybody; got status 401/,
      status(401),
    ],
    ['a hub that is out of order', 'hf:me/net', {}, /got status 500/, status(500)],
    ['nothing kept', 'hf:me/net', {offline: true}, /offline, the file must be in the cache; it is not/],
    [
      'no place for it',
      'hf:me/net',
      {offline: true, cache: false},
      /swinFromCheckpoint: offline needs a cache/,
    ],
    ['a wrong cache', 'hf:me/net', {cache: 7}, /swinFromCheckpoint: cache must be true, false or where/],
    [
      'a wrong endpoint',
      'hf:me/net',
      {endpoint: 'here'},
      /swinFromCheckpoint: endpoint must be the URL of a hub/,
    ],
    [
      'a wrong offline',
      'hf:me/net',
      {offline: 1},
      /swinFromCheckpoint: offline must be true or false; got 1/,
    ],
  ];
  for (const [what, source, options, message, prepare] of refused) {
    it(`refuse ${what}`, async () => {
      put('model.safetensors', bytes);
      prepare?.();
      const error = await rejection(swinFromCheckpoint(source, options));
      expect(error).to.be.instanceOf(message.source.startsWith('swinFrom') ? ConfigError : CheckpointError);
      expect(error.message).to.match(message);
    });
  }

  it('name the functions that read files, in the entry of browsers', async () => {
    for (const path of ['./swin.pth', 'C:\\swin.pth', 'file:///tmp/swin.pth']) {
      for (const promise of [loadInBrowser(model, path), swinInBrowser(path)]) {
        const error = await rejection(promise);
        expect(error).to.be.instanceOf(CheckpointError);
        expect(error.message).to.match(
          /got the path of a file .*import \{loadWeights\} from 'tfjs-swint\/node'/,
        );
      }
    }
  });

  it('strict: false leaves out what does not fit, and what is missing can learn', async () => {
    const wrong = swinTransformer({...small, qkvBias: false});
    const part = safetensorsWithout(await saveWeights(wrong), /layers\.1\.blocks\.1\.mlp\.fc1\.weight/);
    const error = await rejection(swinFromCheckpoint(part));
    expect(error.message).to.match(/strict: false leaves them as they are/);
    const {model: found, report} = await swinFromCheckpoint(part, {strict: false});
    expect(report.missing).to.deep.equal(['layers.1.blocks.1.mlp.fc1.weight']);
    const index = found.weights.findIndex(
      ({originalName}) => originalName.endsWith('blocks.1.mlp.fc1.weight') && /layers\.1/.test(originalName),
    );
    expect(tf.max(tf.abs(found.getWeights()[index])).dataSync()[0]).to.be.above(0);
    for (const one of [wrong, found]) one.dispose();
  });
});
