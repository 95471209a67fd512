/** Runs of the program that are interrupted, and go on: the models are those of a run that was not. */
import {cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';
import {signalAt, runProgram as swint} from './program.js';

const LINE = (
  'train --backend wasm --image-size 16 --limit 40 --test-limit 20 --epochs 4 --steps-per-epoch 5 --batch-size 8 ' +
  '--drop-path 0.1 --crop 2 --checkpoint-seconds 0.001'
).split(' ');

describe('tfjs-swint train --resume', () => {
  let root: string;
  const weightsOf = (out: string, kind: string) => readFile(join(out, kind, 'weights.bin'));
  const lines = (out: string) => readFile(join(out, 'history.json'), 'utf8').then(JSON.parse);
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'swint-resume-'));
  });
  after(() => rm(root, {recursive: true, force: true}));

  it('goes on after SIGKILL in either network and after Ctrl-C, as if nothing had been', async function () {
    if (process.platform === 'win32') this.skip();
    const whole = join(root, 'whole');
    const all = await swint([...LINE, '--out', whole]);
    expect(all.code, all.stderr).to.equal(0);

    const out = join(root, 'interrupted');
    const killed = await swint([...LINE, '--out', out], signalAt(/epoch 2\/4/, 'SIGKILL'));
    expect(killed.code).to.equal(null);
    expect(await readdir(out)).to.have.members(['checkpoints', 'run.json']);

    const stopped = await swint(['train', '--resume', out], signalAt(/epoch 3\/4/, 'SIGINT'));
    expect(stopped.code, stopped.stderr).to.equal(130);
    expect(stopped.stdout).to.include(`tfjs-swint train --resume ${out}\n`);
    expect((await lines(out)).models.map(({stopped}: {stopped: string}) => stopped)).to.deep.equal([
      'aborted',
    ]);

    const again = await swint(
      ['train', '--resume', out],
      signalAt(/\nResNet-10[\s\S]*epoch 1\/4/, 'SIGKILL'),
    );
    expect(again.code).to.equal(null);

    const done = await swint(['train', '--resume', out, '--threads', '1']);
    expect(done.code, done.stderr).to.equal(0);
    for (const kind of ['swin', 'conv']) {
      expect((await weightsOf(out, kind)).equals(await weightsOf(whole, kind)), kind).to.equal(true);
    }
    expect((await readdir(out)).sort()).to.deep.equal((await readdir(whole)).sort());
    const [first, second] = await Promise.all([lines(out), lines(whole)]);
    const losses = ({models}: {models: {epochs: {trainLoss: number; testLoss: number}[]}[]}) =>
      models.map(({epochs}) => epochs.map(({trainLoss, testLoss}) => [trainLoss, testLoss]));
    expect(losses(first)).to.deep.equal(losses(second));
    expect(first.command).to.equal(`tfjs-swint ${LINE.join(' ')} --out ${out}`);

    const ended = await swint(['train', '--resume', out]);
    expect(ended.code).to.equal(2);
    expect(ended.stderr).to.match(/^train: --resume must be a run that has not ended; got [^\n]*\n$/);
    expect((await weightsOf(out, 'swin')).equals(await weightsOf(whole, 'swin'))).to.equal(true);
  });

  it('refuses what cannot be gone on from, and loses nothing', async function () {
    if (process.platform === 'win32') this.skip();
    const out = join(root, 'begun');
    await swint([...LINE, '--model', 'conv', '--out', out], signalAt(/epoch 2\/4/, 'SIGKILL'));
    const content = async () => {
      const names = await readdir(join(out, 'checkpoints', 'conv'));
      return Promise.all(
        names.sort().map(async (name) => [name, await readFile(join(out, 'checkpoints', 'conv', name))]),
      );
    };
    const before = await content();
    const refusals: [string[], number, RegExp][] = [
      [
        [...LINE, '--out', out],
        1,
        /^train: --out must not hold a run that has not ended; got .*--resume .* goes on with it/,
      ],
      [
        ['train', '--resume', join(root, 'nowhere')],
        2,
        /^train: --resume must be the --out of a run; got .*no run\.json/,
      ],
      [
        ['train', '--resume', out, '--epochs', '9'],
        2,
        /^train: with --resume, --epochs must be as in the run, 4; got 9 /,
      ],
      [
        ['train', '--resume', out, '--model', 'both'],
        2,
        /--model must be as in the run, \["conv"\]; got \["swin","conv"\]/,
      ],
      [['train', '--resume', out, '--out', root], 2, /--out must be as in the run/],
      [
        ['train', '--resume', out, '--checkpoint-seconds', '0'],
        2,
        /--checkpoint-seconds must be above 0; got 0/,
      ],
    ];
    for (const [args, code, message] of refusals) {
      const result = await swint(args);
      expect(result.stderr)
        .to.match(message)
        .and.to.match(/^[^\n]+\n$/);
      expect(result.code).to.equal(code);
    }
    expect(await content()).to.deep.equal(before);

    const damaged = join(root, 'damaged');
    await cp(out, damaged, {recursive: true});
    const [[newest, bytes]] = (await content()).slice(-1) as [string, Buffer][];
    await writeFile(join(damaged, 'checkpoints', 'conv', newest), bytes.subarray(100));
    const one = await swint(['train', '--resume', damaged]);
    expect(one.code, one.stderr).to.equal(0);
    expect(one.stdout)
      .to.include(`${newest}: a checkpoint must be whole; got`)
      .and.to.include('goes on from');

    const other = join(root, 'other');
    await mkdir(other);
    await writeFile(join(other, 'run.json'), '{');
    const noRun = await swint(['train', '--resume', other]);
    expect(noRun.code).to.equal(1);
    expect(noRun.stderr).to.match(/^train: .*run\.json must be what a run wrote there; got .*\n$/);
  });
});
