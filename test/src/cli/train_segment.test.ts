import {readdir, readFile} from 'node:fs/promises';
import {expect} from 'chai';
import {trainCommand} from '../../../src/cli/train.js';
import {trainSegmentCommand} from '../../../src/cli/train_segment.js';
import {type SegmentSettings, wantsSegmentation} from '../../../src/cli/train_segment_settings.js';
import {UsageError} from '../../../src/cli/usage_error.js';
import {encodePng} from '../../../src/node/image_file.js';
import {TextStream} from '../../helpers/text_stream.js';
import {put, temporaryFolder} from '../node/temporary_folder.js';
import {swint} from './cli_models.js';
import {runProgram, signalAt} from './program.js';

/** What the command makes of its options, in place of a training. */
function parse(line: string): SegmentSettings {
  const args = line.split(' ').filter(Boolean);
  const given: SegmentSettings[] = [];
  const streams = {out: new TextStream(), err: new TextStream()};
  const context = {args, now: new Date(2026, 0, 2, 3, 4, 5), ...streams, exitCode: 0};
  trainSegmentCommand(context, (settings) => void given.push(settings)).parse(args, {from: 'user'});
  return given[0]!;
}

const DATA = '--task segment --data d --classes membrane,cell';

describe('the options of train --task segment', () => {
  it('are recognised wherever --task stands', () => {
    expect(wantsSegmentation(['train', '--data', 'd', '--task', 'segment'])).to.equal(true);
    expect(wantsSegmentation(['train', '--task=segment'])).to.equal(true);
    expect(wantsSegmentation(['train', '--task', 'classify', '--data', 'segment'])).to.equal(false);
    expect(wantsSegmentation(['segment'])).to.equal(false);
    const streams = {out: new TextStream(), err: new TextStream()};
    const context = {args: ['--task', 'both'], now: new Date(), ...streams, exitCode: 0};
    expect(() => trainCommand(context).parse(context.args, {from: 'user'})).to.throw(
      UsageError,
      /--task must be one of classify, segment; got both\./,
    );
  });

  it('have the defaults of each network', () => {
    const common = {
      background: 'membrane',
      border: null,
      flip: true,
      rotate: true,
      out: 'runs/2026-01-02-030405',
    };
    expect(parse(DATA)).to.include({...common, model: 'hybrid', patch: 8, width: 64, window: 8, crop: 128});
    expect(parse(DATA)).to.deep.include({
      depths: [2, 2],
      heads: [4, 8],
      convolutions: [
        [16, 16],
        [32, 32],
        [64, 64],
      ],
    });
    expect(parse(`${DATA} --model swin`)).to.deep.include({
      patch: 4,
      width: 48,
      depths: [2, 2, 2],
      heads: [3, 6, 12],
      convolutions: [],
    });
  });

  it('are all read', () => {
    const line =
      `${DATA} --background cell --border membrane --image i --label l --mask-suffix _m --values 0,#ff8000 --ignore 7 ` +
      '--test 08-10 --model hybrid --width 32 --depths 2,4 --patch 4 --window 4 --convolutions 8/16,16 --epochs 3 ' +
      '--steps-per-epoch 5 --batch-size 2 --crop 32 --no-flip --no-rotate --learning-rate 1e-4 --weight-decay 0 --warmup 1 ' +
      '--seed 9 --max-minutes 2 --backend wasm --threads 1 --out o';
    expect(parse(line)).to.deep.include({
      ...{
        data: 'd',
        classes: ['membrane', 'cell'],
        background: 'cell',
        border: 'membrane',
        image: 'i',
        label: 'l',
      },
      ...{maskSuffix: '_m', values: [0, [255, 128, 0]], ignore: 7, test: ['08', '09', '10']},
      ...{
        model: 'hybrid',
        width: 32,
        depths: [2, 4],
        heads: [2, 4],
        patch: 4,
        window: 4,
        convolutions: [[8], [16, 16]],
      },
      ...{
        epochs: 3,
        stepsPerEpoch: 5,
        batchSize: 2,
        crop: 32,
        flip: false,
        rotate: false,
        learningRate: 1e-4,
      },
      ...{weightDecay: 0, warmup: 1, seed: 9, maxMinutes: 2, backend: 'wasm', threads: 1, out: 'o'},
    });
    expect(parse(`${DATA} --test a,b`).test).to.deep.equal(['a', 'b']);
    expect(parse(`${DATA} --test .3`).test).to.equal(0.3);
  });

  const wrong: [string, RegExp][] = [
    ['--task segment --classes a,b', /--data must be a folder of images and masks; got nothing/],
    ['--task segment --data d', /--classes must be the names of the masks' classes; got nothing/],
    ['--task segment --data d --classes a,', /--classes must be the name of a class; got nothing/],
    [`${DATA} --depth 14`, /Unknown option '--depth' \(Did you mean --depths\?\)/],
    [`${DATA} --background sky`, /--background must be one of membrane, cell; got sky/],
    [`${DATA} --border sky`, /--border must be one of membrane, cell; got sky/],
    [`${DATA} --model conv`, /--model must be one of hybrid, swin; got conv/],
    [`${DATA} --model swin --convolutions 8`, /--convolutions must go with --model hybrid/],
    [`${DATA} --width 40`, /--width must be a multiple of 16; got 40/],
    [`${DATA} --warmup 10`, /--warmup must be less than --epochs \(10\); got 10/],
    [`${DATA} --values 0,#12345`, /--values must be a grey value .*; got #12345/],
    [`${DATA} --test 5-2`, /--test must be names .*; got 5-2/],
  ];
  for (const [line, message] of wrong) {
    it(`refuse ${line}`, () => {
      expect(() => parse(line)).to.throw(UsageError, message);
    });
  }
});

describe('tfjs-swint train --task segment', () => {
  const path = temporaryFolder();

  it('tells its help, with examples', async () => {
    const {code, stdout} = await swint('train', '--task', 'segment', '--help');
    expect(code).to.equal(0);
    for (const text of ['--classes', '--convolutions', '--mask-suffix', '--max-minutes', 'Examples:']) {
      expect(stdout).to.include(text);
    }
    const help = (await swint('train', '--help')).stdout;
    expect(help.replace(/\s+/g, ' ')).to.include('--task segment --help');
  });

  it('leaves a model that predict and evaluate take as it is, with history, pictures and report', async () => {
    for (let n = 1; n <= 5; n++) {
      // Dark stripes on light ground; the mask is what is dark.
      const truth = Array.from({length: 20 * 24}, (_, i) => ((i + n) % 6 < 2 ? 0 : 1));
      const grey = (values: number[]) => Uint8Array.from(values.flatMap((value) => [value, value, value]));
      await put(
        path('data', 'image', `s${n}.png`),
        encodePng(grey(truth.map((value) => 60 + 140 * value)), 24, 20),
      );
      await put(
        path('data', 'label', `s${n}.png`),
        encodePng(grey(truth.map((value) => 255 * value)), 24, 20),
      );
    }
    const out = path('run');
    const line =
      `--data ${path('data')} --classes membrane,cell --background cell --border membrane --test s4,s5 --width 16 --depths 2 ` +
      '--patch 2 --window 4 --convolutions 4 --crop 16 --batch-size 2 --epochs 2 --steps-per-epoch 15 --learning-rate 0.02 ' +
      `--backend wasm --threads 1 --seed 1 --out ${out}`;
    const {code, stdout, stderr} = await swint('train', '--task', 'segment', ...line.split(' '));
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^Data .*train: 3 images, .*test: 2 images, 2 classes \(membrane, cell\)$/m);
    expect(stdout.match(/epoch [12]\/2 · train loss \d\.\d+ mean IoU .* · test mean IoU/g)).to.have.length(2);
    expect((await readdir(out)).sort()).to.deep.equal([
      ...['history.json', 'model', 'overlays', 'report.html', 'run.json'],
    ]);
    expect((await readdir(path('run', 'overlays'))).sort()).to.deep.equal(['s4.png', 's5.png']);
    expect(await readFile(path('run', 'report.html'), 'utf8'))
      .to.include('Rand score')
      .and.include('<strong>s4</strong>');
    const history = JSON.parse(await readFile(path('run', 'history.json'), 'utf8'));
    expect(history.command).to.equal(`tfjs-swint train --task segment ${line}`);
    const {evaluation} = history.models[0];
    expect(evaluation.meanIou).to.be.above(0.8);

    const machine = ['--backend', 'wasm', '--threads', '1', '--json'];
    const model = path('run', 'model');
    const evaluated = await swint('evaluate', model, '--data', path('data'), '--test', 's4,s5', ...machine);
    expect(evaluated.code, evaluated.stderr).to.equal(0);
    const result = JSON.parse(evaluated.stdout);
    expect(result.confusion).to.deep.equal(evaluation.confusion);
    expect(result.rand).to.deep.equal(evaluation.rand);
    expect(result.rand.score).to.be.above(0);
    const predicted = await swint(
      'predict',
      model,
      path('data', 'image', 's4.png'),
      '--out',
      path('over'),
      ...machine,
    );
    expect(predicted.code, predicted.stderr).to.equal(0);
    const [{shares}] = JSON.parse(predicted.stdout);
    expect(shares[0].label).to.equal('membrane');
    expect(shares[0].share).to.be.closeTo(1 / 3, 0.1);
  });

  it('stops after a step on Ctrl-C, saves what there is and ends with code 130', async function () {
    if (process.platform === 'win32') this.skip();
    const out = path('interrupted');
    const line =
      `train --task segment --data ${path('data')} --classes membrane,cell --width 16 --depths 2 --patch 2 --window 4 ` +
      `--convolutions 4 --crop 16 --batch-size 2 --epochs 1000 --steps-per-epoch 2 --backend cpu --out ${out}`;
    const told = signalAt(/epoch {4}1\/1000/, 'SIGINT');
    const {code, stdout, stderr} = await runProgram(line.split(' '), told);
    expect(code, stderr).to.equal(130);
    expect(stdout).to.include('Stopping after this step');
    expect(stdout).to.match(new RegExp(`^To go on +tfjs-swint train --task segment --resume ${out}$`, 'm'));
    expect((await readdir(out)).sort()).to.deep.equal([
      ...['checkpoints', 'history.json', 'model', 'report.html', 'run.json'],
    ]);
    const history = JSON.parse(await readFile(path('interrupted', 'history.json'), 'utf8'));
    expect(history.models[0].stopped).to.equal('aborted');
    // Tested as it was saved.
    const {evaluation, epochs} = history.models[0];
    expect(evaluation.meanIou).to.equal(epochs.at(-1).testMeanIou);
    const machine = ['--json', '--backend', 'cpu'];
    const again = await swint('evaluate', path('interrupted', 'model'), '--data', path('data'), ...machine);
    expect(again.code, again.stderr).to.equal(0);
    expect(JSON.parse(again.stdout).confusion).to.deep.equal(evaluation.confusion);
    const predicted = await swint(
      'predict',
      path('interrupted', 'model'),
      path('data', 'image', 's4.png'),
      '--backend',
      'cpu',
    );
    expect(predicted.code, predicted.stderr).to.equal(0);
  });

  it('says what is wrong with the data in one line', async () => {
    const line = [
      'train',
      '--task',
      'segment',
      '--classes',
      'a,b',
      '--backend',
      'cpu',
      '--out',
      path('none'),
    ];
    const {code, stderr} = await swint(...line, '--data', path('nowhere'));
    expect(code).to.equal(1);
    expect(stderr)
      .to.match(/nowhere.*must be a readable folder/)
      .and.match(/^[^\n]+\n$/);
  });
});
