/**
 * Checkpoints in a folder: of processes that are killed, on a disk that is full, where nobody may write.
 *
 * `SWINT_KILLS=100 npx mocha test/src/node/checkpoint_folder.test.ts` kills 100 times in place of 6.
 */
import {spawn} from 'node:child_process';
import {readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {checkpointFolder} from '../../../src/node/checkpoint_folder.js';
import {train, trainSegmentation} from '../../../src/node/checkpoint_training.js';
import {DISK, type Disk} from '../../../src/node/disk.js';
import type {TrainOptions} from '../../../src/training/train.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {opened} from '../../helpers/opened.js';
import {memoryMasks} from '../data/memory_masks.js';
import {colourSplit} from '../training/colour_squares.js';
import {droppingModel, droppingSegmenter, weightsOf} from '../training/small_networks.js';
import {folderAndModels, killAfter, withSmallDisk} from './saving.js';
import {rejection} from './small_model.js';

const KILLS = Number(process.env.SWINT_KILLS ?? 6);
const OPTIONS: TrainOptions = {epochs: 2, batchSize: 8, learningRate: 0.01};

describe('checkpoints in a folder', () => {
  let root: string;
  let dir: string;
  const {root: folder, made} = folderAndModels();
  before(() => tf.setBackend('cpu'));
  beforeEach(() => {
    root = folder();
    dir = join(root, 'checkpoints');
  });

  it('are two at most, nothing else stays there, and a finished training is told again', async () => {
    const split = colourSplit(32, 15);
    const model = made(droppingModel(1));
    const history = await train(model, split, {...OPTIONS, checkpoint: {dir, everySeconds: 1e-9}});
    expect((await readdir(dir)).sort().join()).to.match(/^checkpoint-\d{8}\.swint,checkpoint-\d{8}\.swint$/);
    const refused = await rejection(train(made(droppingModel(2)), split, {...OPTIONS, checkpoint: {dir}}));
    expect(refused).to.be.instanceOf(ConfigError);
    expect(refused.message).to.include(`${dir}, which holds those of another training`);
    const again = made(droppingModel(2));
    const result = await train(again, split, {...OPTIONS, checkpoint: {dir}, resume: true});
    expect(result).to.deep.equal(history);
    const weights = await weightsOf(model);
    for (const [i, values] of (await weightsOf(again)).entries()) expectBitEqual(`${i}`, values, weights[i]);
  });

  it('are for segmentation too', async () => {
    const data = {
      train: memoryMasks({name: 'train', sizes: [[8, 8]]}),
      test: memoryMasks({name: 'test', sizes: [[8, 8]]}),
    };
    const options = {dataFormat: 'channelsLast' as const, epochs: 2, checkpoint: {dir}};
    const history = await trainSegmentation(made(droppingSegmenter(1)), data, options);
    expect(await readdir(dir)).to.have.length(2);
    const again = await trainSegmentation(made(droppingSegmenter(2)), data, {...options, resume: true});
    expect(again).to.deep.equal(history);
  });

  it('that is no path is refused', async () => {
    for (const checkpoint of [{dir: ''}, {dir: 5}, {dir, store: checkpointFolder(dir)}]) {
      const error = await rejection(
        train(made(droppingModel(1)), colourSplit(), {...OPTIONS, checkpoint: checkpoint as never}),
      );
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(/checkpoint must have a store or the path of a folder, dir; got/);
    }
  });

  it('that cannot be made or written to is one error before the first step', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    const options = {...OPTIONS, onBatch: () => expect.fail('no step should be taken')};
    const inFile = await rejection(
      train(made(droppingModel(1)), colourSplit(), {...options, checkpoint: {dir: join(file, 'x')}}),
    );
    expect(inFile).to.be.instanceOf(CheckpointError);
    expect(inFile.message).to.match(/the folder of checkpoints must be one that can be read; got ENOTDIR/);
    const forbidden: Disk = {
      ...DISK,
      write: () => Promise.reject(Object.assign(new Error('EACCES: permission denied'), {code: 'EACCES'})),
    };
    const error = await rejection(
      train(made(droppingModel(1)), colourSplit(), {
        ...options,
        checkpoint: {store: checkpointFolder(dir, forbidden)},
      }),
    );
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(/EACCES: permission denied \(choose a directory you may write to\)/);
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('on a disk that becomes full: the training goes on, and the older ones are there', async function () {
    // A real disk of 512 KB, where this user may mount one.
    const ran = await withSmallDisk(dir, '512k', async () => {
      const split = colourSplit(64, 15);
      const warnings: string[] = [];
      const onWarning = (message: string) => void warnings.push(message);
      const model = made(droppingModel(1));
      let filled: Promise<Error> | undefined;
      await train(model, split, {
        ...OPTIONS,
        checkpoint: {dir, everySeconds: 1e-9, onWarning},
        onBatch: ({epoch, step}) => {
          if (epoch !== 1 || step !== 5) return;
          filled = rejection(writeFile(join(dir, 'filler'), new Uint8Array(2 ** 20)));
        },
      });
      expect((await filled!).message).to.match(/ENOSPC/);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(
        /a checkpoint cannot be written, the training goes on .*ENOSPC.*free some space/,
      );
      await rm(join(dir, 'filler'));
      expect((await readdir(dir)).filter((name) => !/^checkpoint-\d{8}\.swint$/.test(name))).to.deep.equal(
        [],
      );
      const again = made(droppingModel(2));
      const steps: string[] = [];
      await train(again, split, {
        ...{...OPTIONS, checkpoint: {dir}, resume: true},
        onBatch: ({epoch, step}) => void steps.push(`${epoch}/${step}`),
      });
      expect(steps).to.have.length.within(9, 14);
      const weights = await weightsOf(model);
      for (const [i, values] of (await weightsOf(again)).entries())
        expectBitEqual(`${i}`, values, weights[i]);
    });
    if (!ran) this.skip();
  });

  /** A process that trains; killed some milliseconds after its first line, or let go on to its end where that is null. */
  async function life(name: string, number: number, after: number | null): Promise<string[]> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/src/node/checkpoint_child.ts'], {
      env: {
        ...process.env,
        SWINT_DIR: join(root, name),
        SWINT_WEIGHTS: join(root, `${name}.weights`),
        SWINT_LIFE: String(number),
        SWINT_THREADS: String(1 + (number % 2)),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    opened(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    if (after !== null) await killAfter(child, after);
    else expect(await new Promise((resolve) => child.once('close', resolve))).to.equal(0);
    return output.split('\n').filter(Boolean);
  }

  it(`of a process killed ${KILLS} times at random moments: what comes out is that of one never killed`, async function () {
    this.timeout(120_000 + 60_000 * KILLS);
    const random = seedrandom.alea('checkpoints');
    await life('whole', 1, null);
    const expected = await readFile(join(root, 'whole.weights'));
    let lived = 0;
    // Where a training comes to its end before the last kill, another one begins.
    for (let training = 0, kills = 0; kills < KILLS; training++) {
      const name = `killed${training}`;
      const weights = join(root, `${name}.weights`);
      for (let number = 1; ; number++) {
        // From the moment of reading a checkpoint on, some steps further at most.
        const after = kills < KILLS ? 150 * random() : null;
        const lines = await life(name, number, after);
        lived += lines.length;
        if (after !== null) kills++;
        const done = await readFile(weights).catch(() => null);
        if (done === null || done.length < expected.length) continue;
        expect(done.equals(expected), `${name} after ${number} lives`).to.equal(true);
        expect((await readdir(join(root, name))).length).to.be.at.most(3);
        break;
      }
    }
    expect(lived).to.be.above(KILLS);
  });
});
