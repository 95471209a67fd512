import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {CheckpointError} from '../../../src/errors.js';
import type {Disk} from '../../../src/node/disk.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveModel, writeArtifacts} from '../../../src/node/save_model.js';
import {artifactsOf, predict, rejection, smallModel} from './small_model.js';

/** A disk with room for `capacity` bytes, seen from the writer. */
function diskOf(capacity: number): Partial<Disk> {
  let free = capacity;
  const write = async (path: string, bytes: Uint8Array) => {
    await writeFile(path, bytes.subarray(0, free));
    if (bytes.length > free) {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC'});
    }
    free -= bytes.length;
  };
  return {write};
}

describe('saveModel and loadModel', () => {
  let root: string;
  let dir: string;
  const models: tf.LayersModel[] = [];
  const made = <T extends tf.LayersModel>(model: T): T => {
    models.push(model);
    return model;
  };

  before(async () => {
    await tf.setBackend('cpu');
  });
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'swint-save-'));
    dir = join(root, 'runs', 'model');
  });
  afterEach(async () => {
    await rm(root, {recursive: true, force: true});
    for (const model of models.splice(0)) model.dispose();
  });

  it('gives back the same model, metadata included, and leaves two files', async () => {
    const model = made(smallModel(1));
    model.setUserDefinedMetadata({classNames: ['a', 'b']});
    await saveModel(model, dir);
    expect(await readdir(dir)).to.have.members(['model.json', 'weights.bin']);
    expect(await readdir(join(root, 'runs'))).to.deep.equal(['model']);
    const loaded = made(await loadModel(dir));
    expect(await predict(loaded)).to.deep.equal(await predict(model));
    expect(loaded.getUserDefinedMetadata()).to.deep.equal({classNames: ['a', 'b']});
  });

  it("is tfjs's format: tf.loadLayersModel reads it through a handler that fetches the files", async () => {
    const model = made(smallModel(2));
    await saveModel(model, dir);
    // What a browser does with the same two files, with the disk in place of the network.
    const fetchFunc = async (url: string) => new Response(await readFile(join(dir, url.split('/').at(-1)!)));
    const handler = tf.io.http('http://models.example/model.json', {fetchFunc: fetchFunc as typeof fetch});
    const loaded = made(await tf.loadLayersModel(handler));
    expect(await predict(loaded)).to.deep.equal(await predict(model));
  });

  it('replaces a model that is there, and takes an empty directory', async () => {
    await mkdir(dir, {recursive: true});
    await saveModel(made(smallModel(3)), dir);
    const second = made(smallModel(30));
    await saveModel(second, dir);
    expect(await predict(made(await loadModel(dir)))).to.deep.equal(await predict(second));
    expect(await readdir(join(root, 'runs'))).to.deep.equal(['model']);
  });

  for (const [what, capacity] of [
    ['in the middle of the weights', 100],
    ['in the middle of model.json', 3600],
  ] as const) {
    it(`keeps the old model when the disk is full ${what}`, async () => {
      const old = made(smallModel(4));
      await saveModel(old, dir);
      const error = await rejection(
        writeArtifacts(await artifactsOf(made(smallModel(5))), dir, diskOf(capacity)),
      );
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message)
        .to.include(dir)
        .and.match(/ENOSPC.*model that was there is untouched.*free some space/);
      expect(await readdir(join(root, 'runs'))).to.deep.equal(['model']);
      expect(await predict(made(await loadModel(dir)))).to.deep.equal(await predict(old));
    });
  }

  it('leaves nothing behind when a first save fails', async () => {
    const error = await rejection(writeArtifacts(await artifactsOf(made(smallModel(6))), dir, diskOf(10)));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.include('nothing was left there');
    expect(await readdir(join(root, 'runs'))).to.deep.equal([]);
  });

  it('keeps the old model when the operating system refuses the write', async function () {
    if (process.platform === 'win32') this.skip();
    await saveModel(made(smallModel(7)), dir);
    // `ulimit -f` makes the kernel itself fail a write past 8 KiB (EFBIG), as a full disk would, without root.
    const script = `
      import * as tf from '@tensorflow/tfjs';
      import {saveModel} from './src/node/save_model.js';
      await tf.setBackend('cpu');
      const model = tf.sequential({layers: [tf.layers.dense({units: 100, inputShape: [100]})]});
      await saveModel(model, process.env.SWINT_DIR).catch((error) => {
        console.log(error.name + ' ' + error.message);
      });`;
    const {stdout} = await promisify(execFile)(
      'bash',
      ['-c', 'ulimit -f 8; exec node --import tsx --input-type=module -e "$SWINT_SCRIPT"'],
      {env: {...process.env, SWINT_DIR: dir, SWINT_SCRIPT: script, TSX_DISABLE_CACHE: '1'}},
    );
    expect(stdout).to.match(/CheckpointError .*EFBIG.*model that was there is untouched/);
    expect(await predict(made(await loadModel(dir)))).to.deep.equal(await predict(made(smallModel(7))));
    expect(await readdir(join(root, 'runs'))).to.deep.equal(['model']);
  });

  it('refuses a directory that holds other files, and leaves them', async () => {
    await mkdir(dir, {recursive: true});
    await writeFile(join(dir, 'thesis.txt'), 'years of work');
    const error = await rejection(saveModel(made(smallModel(8)), dir));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.include('also holds thesis.txt');
    expect(await readFile(join(dir, 'thesis.txt'), 'utf8')).to.equal('years of work');
  });

  it('refuses a file in place of the directory', async () => {
    await writeFile(join(root, 'file'), '');
    const error = await rejection(saveModel(made(smallModel(9)), join(root, 'file')));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(/must be a directory; got ENOTDIR/);
  });

  describe('loadModel says what is wrong', () => {
    const cases: [string, () => Promise<unknown>, RegExp][] = [
      [
        'no directory',
        () => rm(dir, {recursive: true}),
        /model\.json must be readable; got ENOENT.*saveModel wrote/,
      ],
      ['no weights', () => rm(join(dir, 'weights.bin')), /weights\.bin must be readable; got ENOENT/],
      [
        'weights cut short',
        () => truncate(join(dir, 'weights.bin'), 64),
        /must have the \d+ bytes .* got 64 .*cut short/,
      ],
      [
        'weights of another model',
        () => writeFile(join(dir, 'weights.bin'), new Uint8Array(1e5)),
        /got 100000 \(weights of another model/,
      ],
      [
        'no JSON',
        () => writeFile(join(dir, 'model.json'), '{"modelTop'),
        /must be JSON; got 10 bytes that are not/,
      ],
      ['another JSON', () => writeFile(join(dir, 'model.json'), '{"name":1}'), /got the keys name/],
      [
        'null',
        () => writeFile(join(dir, 'model.json'), 'null'),
        /modelTopology and weightsManifest; got null/,
      ],
      [
        'a layer nobody registered',
        async () => {
          const path = join(dir, 'model.json');
          await writeFile(path, (await readFile(path, 'utf8')).replace('"Conv2D"', '"Conv9D"'));
        },
        /imported layer classes can build; got Unknown layer: Conv9D/,
      ],
    ];
    for (const [what, damage, message] of cases) {
      it(what, async () => {
        await saveModel(made(smallModel(10)), dir);
        await damage();
        const error = await rejection(loadModel(dir));
        expect(error).to.be.instanceOf(CheckpointError);
        expect(error.message).to.match(message);
      });
    }
  });
});
