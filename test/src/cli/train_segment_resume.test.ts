/** Trainings of segmentation networks that are interrupted, and go on: the models are those of a run that was not. */
import {readdir, readFile} from 'node:fs/promises';
import {expect} from 'chai';
import {encodePng} from '../../../src/node/image_file.js';
import {put, temporaryFolder} from '../node/temporary_folder.js';
import {runProgram, signalAt} from './program.js';

const LINE =
  'train --task segment --classes membrane,cell --test s4,s5 --width 16 --depths 2 --patch 2 --window 4 --convolutions 4 ' +
  '--crop 16 --batch-size 2 --epochs 4 --steps-per-epoch 6 --backend wasm --checkpoint-seconds 0.001 --data';

describe('tfjs-swint train --task segment --resume', () => {
  const path = temporaryFolder();
  const line = () => [...LINE.split(' '), path('data')];
  const weightsOf = (out: string) => readFile(path(out, 'model', 'weights.bin'));
  const historyOf = async (out: string) => JSON.parse(await readFile(path(out, 'history.json'), 'utf8'));
  const resume = (out: string) => ['train', '--task', 'segment', '--resume', path(out)];
  before(async () => {
    for (let n = 1; n <= 5; n++) {
      const truth = Array.from({length: 20 * 24}, (_, i) => ((i + n) % 6 < 2 ? 0 : 1));
      const png = (values: number[]) =>
        encodePng(Uint8Array.from(values.flatMap((value) => [value, value, value])), 24, 20);
      await put(path('data', 'image', `s${n}.png`), png(truth.map((value) => 60 + 140 * value)));
      await put(path('data', 'label', `s${n}.png`), png(truth.map((value) => 255 * value)));
    }
  });

  it('goes on after SIGKILL and after Ctrl-C, as if nothing had been', async function () {
    if (process.platform === 'win32') this.skip();
    const whole = await runProgram([...line(), '--out', path('whole')]);
    expect(whole.code, whole.stderr).to.equal(0);

    const out = 'interrupted';
    const killed = await runProgram([...line(), '--out', path(out)], signalAt(/epoch 2\/4/, 'SIGKILL'));
    expect(killed.code).to.equal(null);
    expect(await readdir(path(out))).to.have.members(['checkpoints', 'run.json']);

    const stopped = await runProgram(resume(out), signalAt(/epoch 3\/4/, 'SIGINT'));
    expect(stopped.code, stopped.stderr).to.equal(130);
    expect(stopped.stdout).to.include(`tfjs-swint train --task segment --resume ${path(out)}\n`);
    expect((await historyOf(out)).models[0].stopped).to.equal('aborted');

    const done = await runProgram([...resume(out), '--threads', '1', '--classes', 'membrane,cell']);
    expect(done.code, done.stderr).to.equal(0);
    expect((await weightsOf(out)).equals(await weightsOf('whole'))).to.equal(true);
    expect((await readdir(path(out))).sort()).to.deep.equal((await readdir(path('whole'))).sort());
    const [first, second] = await Promise.all([historyOf(out), historyOf('whole')]);
    const losses = ({models}: {models: {epochs: {trainLoss: number; testMeanIou: number}[]}[]}) =>
      models[0].epochs.map(({trainLoss, testMeanIou}) => [trainLoss, testMeanIou]);
    expect(losses(first)).to.deep.equal(losses(second));
    expect(losses(first)).to.have.length(4);
    expect(first.command).to.equal(`tfjs-swint ${line().join(' ')} --out ${path(out)}`);

    const ended = await runProgram(resume(out));
    expect(ended.code).to.equal(2);
    expect(ended.stderr).to.match(/^train: --resume must be a run that has not ended; got [^\n]*\n$/);
    expect((await weightsOf(out)).equals(await weightsOf('whole'))).to.equal(true);
  });

  it('refuses what cannot be gone on from, and loses nothing', async function () {
    if (process.platform === 'win32') this.skip();
    const out = path('begun');
    await runProgram([...line(), '--out', out], signalAt(/epoch 2\/4/, 'SIGKILL'));
    const places = (await readdir(path('begun', 'checkpoints', 'model'))).sort();
    expect(places).to.have.length(2);
    const before = await Promise.all(
      places.map((name) => readFile(path('begun', 'checkpoints', 'model', name))),
    );
    const refusals: [string[], number, RegExp][] = [
      [
        [...line(), '--out', out],
        1,
        /^train: --out must not hold a run that has not ended; got .*train --task segment --resume .* goes on with it/,
      ],
      [resume('nowhere'), 2, /^train: --resume must be the --out of a run; got .*no run\.json/],
      [
        ['train', '--resume', out],
        2,
        /^train: --resume must be a run of --task classify; got .*begun, which is one of segment \(tfjs-swint train --task segment --resume .*begun\)\.$/m,
      ],
      [
        [...resume('begun'), '--epochs', '9'],
        2,
        /^train: with --resume, --epochs must be as in the run, 4; got 9 /,
      ],
      [
        [...resume('begun'), '--classes', 'cell,membrane'],
        2,
        /--classes must be as in the run, \["membrane","cell"\]; got \["cell","membrane"\]/,
      ],
      [[...resume('begun'), '--model', 'swin'], 2, /--model must be as in the run, "hybrid"; got "swin"/],
      [[...resume('begun'), '--checkpoint-seconds', '0'], 2, /--checkpoint-seconds must be above 0; got 0/],
    ];
    for (const [args, code, message] of refusals) {
      const result = await runProgram(args);
      expect(result.stderr)
        .to.match(message)
        .and.to.match(/^[^\n]+\n$/);
      expect(result.code).to.equal(code);
    }
    for (const [i, name] of places.entries()) {
      expect((await readFile(path('begun', 'checkpoints', 'model', name))).equals(before[i])).to.equal(true);
    }
  });
});
