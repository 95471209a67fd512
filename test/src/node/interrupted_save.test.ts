/**
 * Saves that are stopped, killed, run into a full disk, or happen at the same time: there is a whole model each time, and
 * nothing stays behind.
 *
 * `SWINT_KILLS=100 npx mocha test/src/node/interrupted_save.test.ts` kills 100 processes of each kind in place of 10.
 */
import {execFile, execFileSync, spawn} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import {lstat, mkdir, readdir, readFile, rename, rm, symlink, utimes} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {CheckpointError} from '../../../src/errors.js';
import {DISK, type Disk, partName, staleParts} from '../../../src/node/disk.js';
import {loadModel} from '../../../src/node/load_model.js';
import {replaceFile} from '../../../src/node/replace_file.js';
import {saveModel, writeArtifacts} from '../../../src/node/save_model.js';
import {loadWeights, saveWeights} from '../../../src/node/weight_files.js';
import {url} from '../../helpers/fresh_process.js';
import {folderAndModels, killAfter, withSmallDisk} from './saving.js';
import {artifactsOf, predict, rejection, smallModel} from './small_model.js';

const KILLS = Number(process.env.SWINT_KILLS ?? 10);

/** A disk that stops before its operation `last`, as that of a process that is killed there. */
function stoppingDisk(last: number): Disk & {operations: number} {
  const disk = {...DISK, operations: 0};
  for (const name of Object.keys(DISK) as (keyof Disk)[]) {
    const operation = DISK[name] as (...args: unknown[]) => Promise<void>;
    disk[name] = (async (...args: unknown[]) => {
      if (disk.operations >= last) throw new Error('killed');
      disk.operations++;
      await operation(...args);
    }) as never;
  }
  return disk;
}

/** What loadModel warns of in `run`. */
async function warningsIn<T>(run: () => Promise<T>): Promise<{result: T; warnings: string[]}> {
  const {warn} = console;
  const warnings: string[] = [];
  console.warn = (text: string) => warnings.push(text);
  try {
    return {result: await run(), warnings};
  } finally {
    console.warn = warn;
  }
}

/** A process that saves again and again; killed at a random moment after it has begun. */
async function killed(program: string, env: NodeJS.ProcessEnv, after: number): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    env: {...process.env, ...env},
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await killAfter(child, after);
}

describe('interrupted saves', () => {
  let root: string;
  let dir: string;
  const {root: folder, made} = folderAndModels();

  before(async () => {
    await tf.setBackend('cpu');
  });
  beforeEach(() => {
    root = folder();
    dir = join(root, 'model');
  });

  it('leave the old model or the new one, wherever a save stops', async () => {
    const old = await predict(made(smallModel(1)));
    const next = await predict(made(smallModel(2)));
    const artifacts = await artifactsOf(made(smallModel(2)));
    const seen = new Set<string>();
    const whole = stoppingDisk(Number.POSITIVE_INFINITY);
    await saveModel(made(smallModel(1)), dir);
    await writeArtifacts(artifacts, dir, whole);
    expect(whole.operations).to.be.at.least(8);
    for (let last = 0; last < whole.operations; last++) {
      await rm(root, {recursive: true});
      await mkdir(root);
      await saveModel(made(smallModel(1)), dir);
      const error = await rejection(
        writeArtifacts(artifacts, dir, stoppingDisk(last)).then(() => {
          // Stopped while removing what was there before, which is not a failure of the save.
          throw new CheckpointError('saved');
        }),
      );
      expect(error, `${last}`).to.be.instanceOf(CheckpointError);
      const there = existsSync(dir);
      const {result, warnings} = await warningsIn(() => loadModel(dir));
      const values = await predict(made(result));
      expect([old, next], `${last}`).to.deep.include(values);
      expect(warnings.length, `${last}`).to.equal(there ? 0 : 1);
      if (!there)
        expect(warnings[0]).to.match(/interrupted save .* the former one is loaded, from .*swint-prev/);
      seen.add(there ? (values[0] === old[0] ? 'old' : 'new') : 'former');
    }
    expect([...seen].sort()).to.deep.equal(['former', 'new', 'old']);
  });

  it('finds the former model under the name that earlier versions gave it', async () => {
    await saveModel(made(smallModel(3)), dir);
    await rename(dir, `${dir}.swint-previous`);
    const {result, warnings} = await warningsIn(() => loadModel(dir));
    expect(await predict(made(result))).to.deep.equal(await predict(made(smallModel(3))));
    expect(warnings).to.have.length(1);
  });

  it('are cleared away by the next save, but not those of a living process', async () => {
    const dead = execFileSync(process.execPath, ['-p', 'process.pid'], {encoding: 'utf8'}).trim();
    const mine = partName(dir, 'saving');
    const old = `${dir}.swint-saving-0123456789ab`;
    const foreign = `${dir}.swint-saving-00000000-1-0123456789ab`;
    const left = ['saving', 'previous'].map((part) =>
      partName(dir, part as 'saving').replace(`-${process.pid}-`, `-${dead}-`),
    );
    for (const path of [mine, old, foreign, ...left]) await mkdir(path);
    await utimes(old, new Date(0), new Date(0));
    expect((await staleParts(dir, 'saving')).sort()).to.deep.equal([left[0], old].sort());
    await saveModel(made(smallModel(4)), dir);
    expect((await readdir(root)).map((name) => join(root, name)).sort()).to.deep.equal(
      [dir, mine, foreign].sort(),
    );
  });

  it('at the same time: each succeeds, and whoever loads meanwhile gets a whole model', async () => {
    const outputs = await Promise.all([1, 2, 3, 4].map(async (seed) => predict(made(smallModel(seed)))));
    await saveModel(made(smallModel(1)), dir);
    let saving = true;
    const saves = Promise.all(
      Array.from({length: 24}, (_, i) => saveModel(made(smallModel(1 + (i % 4))), dir)),
    ).finally(() => {
      saving = false;
    });
    let loads = 0;
    for (; saving || loads === 0; loads++) {
      const model = await loadModel(dir);
      expect(outputs).to.deep.include(await predict(model));
      model.dispose();
    }
    await saves;
    expect(await readdir(root)).to.deep.equal(['model']);
    expect(outputs).to.deep.include(await predict(made(await loadModel(dir))));
  });

  it('of several processes at the same time', async () => {
    const program = `
      import * as tf from '@tensorflow/tfjs';
      import {smallModel} from ${JSON.stringify(url('test/src/node/small_model.ts'))};
      import {saveModel} from ${JSON.stringify(url('src/node/save_model.ts'))};
      await tf.setBackend('cpu');
      const model = smallModel(Number(process.env.SWINT_SEED));
      for (let i = 0; i < 40; i++) await saveModel(model, process.env.SWINT_DIR);`;
    const run = (seed: number) =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
        env: {...process.env, SWINT_SEED: String(seed), SWINT_DIR: dir},
      });
    await Promise.all([run(1), run(2)]);
    expect(await readdir(root)).to.deep.equal(['model']);
    const outputs = await Promise.all([1, 2].map(async (seed) => predict(made(smallModel(seed)))));
    expect(outputs).to.deep.include(await predict(made(await loadModel(dir))));
  });

  it('follow a link to the directory or the file, also one that leads nowhere yet', async function () {
    if (process.platform === 'win32') this.skip();
    const real = join(root, 'real');
    await symlink('real', dir);
    for (const seed of [5, 6]) {
      await saveModel(made(smallModel(seed)), dir);
      expect((await lstat(dir)).isSymbolicLink()).to.equal(true);
      expect(await readdir(real)).to.have.members(['model.json', 'weights.bin']);
      expect(await predict(made(await loadModel(dir)))).to.deep.equal(await predict(made(smallModel(seed))));
    }
    await symlink('real.safetensors', join(root, 'link.safetensors'));
    for (const seed of [7, 8]) {
      await saveWeights(made(smallModel(seed)), join(root, 'link.safetensors'), {layout: 'tfjs-swint'});
      expect((await lstat(join(root, 'link.safetensors'))).isSymbolicLink()).to.equal(true);
      expect((await lstat(join(root, 'real.safetensors'))).isFile()).to.equal(true);
    }
    expect((await readdir(root)).sort()).to.deep.equal([
      'link.safetensors',
      'model',
      'real',
      'real.safetensors',
    ]);
  });

  it('of weights leave the old file, wherever they stop, and replace nothing but a file', async () => {
    const path = join(root, 'x.safetensors');
    const whole = stoppingDisk(Number.POSITIVE_INFINITY);
    await replaceFile('saveWeights', path, Uint8Array.of(1), whole);
    const read = async () => [...(await readFile(path))];
    for (let last = 0; last < whole.operations; last++) {
      await replaceFile('saveWeights', path, Uint8Array.of(1));
      const error = await rejection(replaceFile('saveWeights', path, Uint8Array.of(2), stoppingDisk(last)));
      expect(error, `${last}`).to.be.instanceOf(CheckpointError);
      expect([[1], [2]], `${last}`).to.deep.include(await read());
    }
    const folder = await rejection(saveWeights(made(smallModel(9)), root, {layout: 'tfjs-swint'}));
    expect(folder.message).to.match(/must be a file or not there; got a directory/);
    if (process.platform !== 'win32') {
      const device = await rejection(saveWeights(made(smallModel(9)), '/dev/null', {layout: 'tfjs-swint'}));
      expect(device.message).to.match(/must be a file or not there; got a device or a pipe/);
      expect((await lstat('/dev/null')).isFile()).to.equal(false);
    }
  });

  it('leave a model on a disk that is full', async function () {
    // A real disk of 64 KB, where this user may mount one; the disks above do the same elsewhere.
    const disk = join(root, 'disk');
    const ran = await withSmallDisk(disk, '64k', async () => {
      const place = join(disk, 'model');
      await saveModel(made(smallModel(1)), place);
      const large = made(tf.sequential({layers: [tf.layers.dense({units: 200, inputShape: [200]})]}));
      for (let i = 0; i < 3; i++) {
        const error = await rejection(saveModel(large, place));
        expect(error).to.be.instanceOf(CheckpointError);
        expect(error.message).to.match(/ENOSPC.*model that was there is untouched \(free some space/);
        const weights = await rejection(
          saveWeights(large, join(disk, 'x.safetensors'), {layout: 'tfjs-swint'}),
        );
        expect(weights.message).to.match(/saveWeights.*ENOSPC.*\(free some space/);
        expect(await readdir(disk)).to.deep.equal(['model']);
        expect(await predict(made(await loadModel(place)))).to.deep.equal(await predict(made(smallModel(1))));
      }
    });
    if (!ran) this.skip();
  });

  it(`killed at random moments leave a model: ${KILLS} processes that save models and ${KILLS} that save weights`, async function () {
    this.timeout(60_000 + 20_000 * KILLS);
    const weights = join(root, 'weights', 'x.safetensors');
    const outputs = await Promise.all([1, 2].map(async (seed) => predict(made(smallModel(seed)))));
    await saveModel(made(smallModel(1)), dir);
    await saveWeights(made(smallModel(1)), weights, {layout: 'tfjs-swint'});
    const program = (save: string) => `
      import * as tf from '@tensorflow/tfjs';
      import {smallModel} from ${JSON.stringify(url('test/src/node/small_model.ts'))};
      import {saveModel} from ${JSON.stringify(url('src/node/save_model.ts'))};
      import {saveWeights} from ${JSON.stringify(url('src/node/weight_files.ts'))};
      await tf.setBackend('cpu');
      const models = [smallModel(1), smallModel(2)];
      console.log('ready');
      for (let i = 0; ; i++) ${save};`;
    const random = seedrandom.alea('kills');
    const checkModel = async () => {
      const {result} = await warningsIn(() => loadModel(dir));
      expect(outputs).to.deep.include(await predict(made(result)));
    };
    const checkWeights = async () => {
      const model = made(smallModel(3));
      await loadWeights(model, weights);
      expect(outputs).to.deep.include(await predict(model));
    };
    const each = async (run: () => Promise<void>, check: () => Promise<void>) => {
      for (let i = 0; i < KILLS; i++) {
        await run();
        await check();
      }
    };
    await Promise.all([
      each(
        () =>
          killed(
            program('await saveModel(models[i % 2], process.env.SWINT_PATH)'),
            {SWINT_PATH: dir},
            60 * random(),
          ),
        checkModel,
      ),
      each(
        () =>
          killed(
            program("await saveWeights(models[i % 2], process.env.SWINT_PATH, {layout: 'tfjs-swint'})"),
            {SWINT_PATH: weights},
            60 * random(),
          ),
        checkWeights,
      ),
    ]);
    // The next save clears away whatever the dead have left.
    await saveModel(made(smallModel(1)), dir);
    await saveWeights(made(smallModel(1)), weights, {layout: 'tfjs-swint'});
    expect(readdirSync(root).sort()).to.deep.equal(['model', 'weights']);
    expect(readdirSync(join(root, 'weights'))).to.deep.equal(['x.safetensors']);
  });
});
