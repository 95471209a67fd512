/** What a training cannot work with: one line that says what is wrong and what to do, and nothing is lost. */
import {chmod, mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {expect} from 'chai';
import '../../../architectures/index.js';
import {loadModel} from '../../../src/node/load_model.js';
import {pngOf, put, temporaryFolder} from '../node/temporary_folder.js';
import {swint} from './cli_models.js';

const TINY = '--backend cpu --model conv --depth 10 --widths 4,4 --epochs 3 --batch-size 2'.split(' ');

/** The steps of these grow out of all bounds, so that the run does not end and its checkpoints stay. */
const DIVERGING = '--learning-rate 1e30 --warmup 0'.split(' ');

describe('bad input of tfjs-swint train', () => {
  const path = temporaryFolder();
  const train = (...args: string[]) => swint('train', ...args);

  /** Images of one colour each in a folder for each class. */
  async function images(name: string, counts: Readonly<Record<string, number>>): Promise<string> {
    for (const [k, [label, count]] of Object.entries(counts).entries()) {
      for (let n = 0; n < count; n++)
        await put(path(name, label, `${n}.png`), pngOf([100 * k, 20 * n, 50], 8));
    }
    return path(name);
  }

  async function refuses(args: readonly string[], code: number, message: RegExp): Promise<void> {
    const result = await train(...args);
    expect(result.stderr)
      .to.match(message)
      .and.to.match(/^[^\n]+\n$/);
    expect(result.code).to.equal(code);
  }

  it('a folder with one class, of one image, of classes with one image each', async () => {
    const folders: [string, RegExp][] = [
      [
        await images('one-class', {cat: 4}),
        /^train: there must be at least 2 classes; got 1, cat, in .*one-class \(add a folder /,
      ],
      [await images('one-image', {cat: 1}), /each class must have at least 2 images .*; got 1 in .*cat /],
      [await images('pairs', {cat: 1, dog: 1}), /each class must have at least 2 images .*; got 1 in .*cat /],
    ];
    await put(path('loose', 'x.png'), pngOf([1, 2, 3]));
    folders.push([path('loose'), /images must lie in one folder per class; got 1 images and no folder/]);
    for (const [folder, message] of folders) {
      await refuses(['--data', folder, ...TINY, '--out', path('none')], 1, message);
    }
    const masks = ['--task', 'segment', '--data', path('masks'), '--backend', 'cpu', '--out', path('none')];
    await put(path('masks', 'image', 'a.png'), pngOf([1, 2, 3]));
    await put(path('masks', 'label', 'a.png'), pngOf([0, 0, 0]));
    await refuses(
      [...masks, '--classes', 'cell'],
      1,
      /classes must be 2 to 255 different names; got \[cell\]/,
    );
    await refuses(
      [...masks, '--classes', 'cell,membrane', '--values', '0,1'],
      1,
      /there must be images to train and to test with; got 1 and 0/,
    );
    expect(await readdir(path())).to.not.include('none');
  });

  it('a mask with a value that is no class, and labels out of range in CIFAR binaries', async () => {
    for (const [n, grey] of [0, 255, 7].entries()) {
      await put(path('odd', 'image', `${n}.png`), pngOf([1, 2, 3], 16));
      await put(path('odd', 'label', `${n}.png`), pngOf([grey, grey, grey], 16));
    }
    await refuses(
      [
        ...['--task', 'segment', '--data', path('odd'), '--classes', 'a,b', '--values', '0,255'],
        ...'--width 16 --depths 2 --patch 2 --window 4 --convolutions 4 --steps-per-epoch 2'.split(' '),
        ...['--crop', '16', '--backend', 'cpu', '--epochs', '1', '--out', path('odd-run'), '--test', '0'],
      ],
      1,
      /2\.png.*7/,
    );
    const record = (label: number) => Uint8Array.from([label, ...new Uint8Array(3072)]);
    for (let n = 1; n <= 5; n++) await put(path('cifar', `data_batch_${n}.bin`), record(n));
    await put(path('cifar', 'test_batch.bin'), record(10));
    await refuses(
      ['--data', path('cifar'), ...TINY, '--out', path('cifar-run')],
      1,
      /test_batch\.bin.*label.*10/,
    );
  });

  it('rates with which the training diverges: the model that is left has its last good weights', async () => {
    const data = await images('diverging', {cat: 4, dog: 4});
    const out = path('diverged');
    const {code, stdout, stderr} = await train('--data', data, ...TINY, ...DIVERGING, '--out', out);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^train: the loss must stay finite; got NaN in epoch 1, step 2 of 3; [^\n]*\n$/);
    expect(stdout).to.match(/^ResNet-10 +.*diverged.conv$/m);
    const model = await loadModel(path('diverged', 'conv'));
    for (const weight of model.getWeights()) {
      expect([...(await weight.data())].every(Number.isFinite)).to.equal(true);
    }
    model.dispose();
  });

  it('--resume with other images than those of the run', async () => {
    const data = await images('changing', {cat: 4, dog: 4});
    const out = path('begun');
    const {code} = await train('--data', data, ...TINY, ...DIVERGING, '--out', out);
    expect(code).to.equal(1);
    const folder = path('begun', 'checkpoints', 'conv');
    const [newest] = (await readdir(folder)).sort().reverse();
    const before = await readFile(`${folder}/${newest}`);
    // One more image, of one class and then of a class of its own.
    await put(path('changing', 'cat', '9.png'), pngOf([0, 0, 9], 8));
    await refuses(
      ['--resume', out],
      1,
      /^train: the checkpoint must be of this data set; got .*, made with training images 6, where this has 7 \(/,
    );
    await images('changing', {fish: 2});
    await refuses(['--resume', out], 1, /^train: the checkpoint must be of this /);
    await refuses(['--resume', out, '--data', path('diverging')], 2, /--data must be as in the run/);
    await refuses(['--resume', out, '--recipe', 'small-images'], 2, /--recipe must be as in the run, null/);
    await refuses(['--resume', out, '--views', '6'], 2, /--views must be as in the run, 1; got 6/);
    expect((await readFile(`${folder}/${newest}`)).equals(before)).to.equal(true);
  });

  it('a folder that cannot be made', async () => {
    await writeFile(path('file'), 'no folder');
    await refuses(
      [...TINY, '--out', path('file', 'run')],
      1,
      /^train: --out must be a folder that can be made and written to; got .*run: /,
    );
    await refuses(
      [...TINY, '--out', path('file')],
      1,
      /^train: --out must be a folder that can be made and written to; got .*file: /,
    );
    expect(await readFile(path('file'), 'utf8')).to.equal('no folder');
  });

  it('a folder without write permission, with checkpoints and without', async function () {
    // The superuser may write anywhere; Windows has no such permissions.
    const {getuid, geteuid, seteuid} = process;
    if (process.platform === 'win32' || !getuid || !geteuid || !seteuid) this.skip();
    const out = path('closed');
    await mkdir(out);
    await chmod(out, 0o555);
    await chmod(path(), 0o755);
    const NOBODY = 65534;
    const isRoot = getuid() === 0;
    if (isRoot) seteuid(NOBODY);
    try {
      for (const seconds of ['60', '0']) {
        await refuses(
          [...TINY, '--checkpoint-seconds', seconds, '--out', out],
          1,
          /^train: --out must be a folder that can be made and written to; got .*closed: .*(EACCES|permission)/,
        );
      }
    } finally {
      if (isRoot) seteuid(0);
      await chmod(out, 0o755);
    }
    expect(await readdir(out)).to.deep.equal([]);
  });
});
