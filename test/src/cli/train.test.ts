import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import jpeg from 'jpeg-js';
import '../../../architectures/swin_resnet.js';
import {drawnShapes, shapesSplit} from '../../../src/data/shapes.js';
import {encodePng} from '../../../src/node/image_file.js';
import {loadModel} from '../../../src/node/load_model.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {opened} from '../../helpers/opened.js';

interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The program as it is started, from its source. */
function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  opened(() => child.kill('SIGKILL'));
  return child;
}

async function finish(child: ChildProcess, onOutput: (stdout: string) => void = () => {}): Promise<Finished> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    onOutput(stdout);
  });
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return {code, stdout, stderr};
}

const swint = (...args: string[]): Promise<Finished> => finish(start(args));

const TINY = '--backend wasm --image-size 16 --limit 20 --test-limit 20 --epochs 1 --batch-size 10'.split(
  ' ',
);

describe('tfjs-swint', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'swint-cli-'));
  });
  after(() => rm(root, {recursive: true, force: true}));

  it('tells its version and its help', async () => {
    const {version} = JSON.parse(await readFile('package.json', 'utf8'));
    expect(await swint('--version')).to.deep.equal({code: 0, stdout: `${version}\n`, stderr: ''});
    const help = await swint('--help');
    expect(help.code).to.equal(0);
    expect(help.stdout).to.include('train a SwinT network');
    const trainHelp = await swint('train', '--help');
    expect(trainHelp.code).to.equal(0);
    for (const line of ['-h', 'help']) expect(await swint(line), line).to.deep.equal(help);
    for (const line of ['train -h', 'help train']) {
      expect(await swint(...line.split(' ')), line).to.deep.equal(trainHelp);
    }
    expect((await swint('-v')).stdout).to.equal(`${version}\n`);
    for (const option of ['--data', '--no-flip', '--max-minutes', '--drop-path']) {
      expect(trainHelp.stdout).to.include(option);
    }
  });

  const misuse: [string, string, RegExp][] = [
    ['no command', '', /a command must be given; got none/],
    ['an unknown command', 'trian', /the command must be one of train, .*convert, inspect; got trian/],
    ['an unknown option', 'train --eopchs 3', /Unknown option '--eopchs'/],
    ['a value out of range', 'train --epochs 0', /--epochs must be a whole number from 1; got 0/],
  ];
  for (const [what, line, message] of misuse) {
    it(`ends with code 2 and one line for ${what}`, async () => {
      const {code, stdout, stderr} = await swint(...line.split(' ').filter(Boolean));
      expect(code).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr)
        .to.match(message)
        .and.to.match(/^[^\n]+\n$/);
    });
  }

  it('ends with code 1 and the message alone for what is wrong with the data', async () => {
    const {code, stderr} = await swint('train', '--data', join(root, 'nowhere'));
    expect(code).to.equal(1);
    expect(stderr)
      .to.include('nowhere')
      .and.not.to.match(/\n\s+at /);
  });

  it('trains both networks and leaves models, history and report', async () => {
    const out = join(root, 'both');
    const {code, stdout, stderr} = await swint('train', ...TINY, '--seed', '3', '--out', out);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^Backend {2}wasm: /m);
    expect(stdout).to.match(
      /^Data {5}shapes\/train: 20 images, shapes\/test: 20 images, 16x16x3, 10 classes \(circle,/m,
    );
    expect(stdout.match(/epoch 1\/1 · train loss \d\.\d+ accuracy .* · test loss/g)).to.have.length(2);
    expect(stdout).to.match(/^SwinResNet-10 +[\d,]+ +[\d.]+ ms +\d\.\d+ +\d\.\d+ +[\d.]+%/m);
    expect(await readdir(out)).to.have.members(['conv', 'history.json', 'report.html', 'run.json', 'swin']);
    for (const path of [
      join(out, 'swin'),
      join(out, 'conv'),
      join(out, 'history.json'),
      join(out, 'report.html'),
    ]) {
      expect(stdout).to.include(path);
    }

    const history = JSON.parse(await readFile(join(out, 'history.json'), 'utf8'));
    expect(history.command).to.equal(`tfjs-swint train ${TINY.join(' ')} --seed 3 --out ${out}`);
    expect(history.models.map(({kind}: {kind: string}) => kind)).to.deep.equal(['swin', 'conv']);
    expect(history.models[0].epochs).to.have.length(1);
    const report = await readFile(join(out, 'report.html'), 'utf8');
    expect(report).to.include('SwinResNet-10').and.to.include('data:image/png;base64,');

    // The saved models are the trained ones: the same loss on the same images, under the normalisation they carry.
    await tf.setBackend('cpu');
    const {test} = shapesSplit({trainSize: 20, testSize: 20, imageSize: 16, seed: 3});
    for (const {kind, evaluation} of history.models) {
      const model = await loadModel(join(out, kind));
      const {mean, std, classNames} = model.getUserDefinedMetadata() as {
        mean: number[];
        std: number[];
        classNames: string[];
      };
      expect(classNames).to.deep.equal([...test.classNames]);
      const again = await evaluate(model, test, {mean, std});
      expect(again.loss).to.be.closeTo(evaluation.loss, 1e-4);
      expect(again.confusion).to.deep.equal(evaluation.confusion);
      model.dispose();
    }
  });

  it('trains by a recipe, and names every setting in run.json and in the report', async () => {
    const out = join(root, 'recipe');
    const line =
      '--backend wasm --image-size 16 --limit 40 --test-limit 10 --epochs 2 --depth 10 --widths 8,16 --recipe small-images ' +
      '--batch-size 10 --flip --views 6 --schedule plateau --average ema --accumulate 2 --mlp-convolution --layer-scale 0.1 ' +
      '--progressive-resizing 12,0.5';
    const {code, stdout, stderr} = await swint('train', ...line.split(' '), '--out', out);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^SwinResNet-10: .* parameters, 2 epochs of batches of 10$/m);
    const {settings} = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(settings).to.include({
      ...{recipe: 'small-images', learningRate: 0.15, schedule: 'plateau', views: 6, average: 'ema'},
      ...{accumulate: 2, mlpConvolution: true, layerScale: 0.1, labelSmoothing: 0.1},
    });
    const {configuration, models} = JSON.parse(await readFile(join(out, 'history.json'), 'utf8'));
    expect(configuration).to.include({
      ...{recipe: 'small-images', 'learning rate': 0.15, schedule: 'plateau', 'test views': 6},
      ...{'average of weights': 'ema', 'batches per update': 2, 'label smoothing': 0.1},
      ...{'depthwise convolutions': 'MLP', 'layer scale': 0.1},
      'progressive resizing': '12 pixels for 50 % of the training',
    });
    for (const {testViews, epochs} of models) {
      expect(testViews).to.equal(6);
      expect(epochs).to.have.length(2);
    }
    const report = await readFile(join(out, 'report.html'), 'utf8');
    for (const text of ['small-images', 'plateau', 'test views']) expect(report).to.include(text);
    const swin = await loadModel(join(out, 'swin'));
    expect(swin.getLayer('stage3.swin').getConfig()).to.include({mlpConvolution: true, layerScale: 0.1});
    // The recipe whitens the first convolution of either network, from the same images.
    const conv = await loadModel(join(out, 'conv'));
    const filters = (model: typeof swin) => [...model.getLayer('whiten').getWeights()[0].dataSync()];
    expect(filters(swin)).to.deep.equal(filters(conv));
    const [first] = filters(swin);
    expect(filters(swin).some((value) => value === -first)).to.equal(true);
    for (const model of [swin, conv]) model.dispose();
  });

  it('trains on a folder of images, and leaves out a damaged one where told to', async () => {
    const dir = join(root, 'folder');
    const shapes = drawnShapes({size: 60, imageSize: 16});
    for (let index = 0; index < shapes.size; ++index) {
      if (shapes.label(index) > 1) continue;
      const place = join(dir, shapes.classNames[shapes.label(index)]);
      await mkdir(place, {recursive: true});
      await writeFile(join(place, `${index}.png`), encodePng(await shapes.read(index), 16, 16));
    }
    await writeFile(join(dir, 'circle', '999.png'), 'not a picture');
    const line = [
      '--data',
      dir,
      '--backend',
      'wasm',
      '--epochs',
      '1',
      '--batch-size',
      '4',
      '--model',
      'conv',
    ];
    const out = join(root, 'folder-run');
    const {code, stdout, stderr} = await swint('train', ...line, '--bad-images', 'skip', '--out', out);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/2 classes \(circle, square\)/);
    expect(stdout.match(/skipped .*999\.png/g)).to.have.length(1);
    expect(await readdir(out)).to.have.members(['conv', 'history.json', 'report.html', 'run.json']);

    const failed = await swint('train', ...line, '--out', join(root, 'folder-failed'));
    expect(failed.code).to.equal(1);
    expect(failed.stderr)
      .to.include('999.png')
      .and.not.to.match(/\n\s+at /);
  });

  it('trains on ordinary photos, at a size that it tells', async () => {
    const dir = join(root, 'photos');
    const [width, height] = [1024, 768];
    for (const [k, name] of ['cat', 'dog\u001b[31m'].entries()) {
      await mkdir(join(dir, name), {recursive: true});
      const data = Uint8Array.from({length: width * height * 4}, (_, i) => (i * (k + 3)) & 255);
      for (let n = 0; n < 4; n++)
        await writeFile(join(dir, name, `${n}.jpg`), jpeg.encode({data, width, height}).data);
    }
    const line = ['--data', dir, '--backend', 'wasm', '--epochs', '1', '--model', 'swin'];
    const {code, stdout, stderr} = await swint('train', ...line, '--out', join(root, 'photos-run'));
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^SwinResNet-14: .* parameters, 1 epoch of batches of 64$/m);
    expect(stdout).to.match(/^Data .* 48x64x3, 2 classes \(cat, dog\\u001b\[31m\)$/m);
    expect(stdout).to.match(/^ +images resized to 48x64 \(--image-size N for another size\)$/m);
    expect(stdout).to.not.include('\u001b[31m');

    const large = await swint('train', ...line, '--image-size', '4096', '--out', join(root, 'photos-large'));
    expect(large.code).to.equal(1);
    expect(large.stderr).to.match(
      /^train: a step must fit in the memory of wasm, .* GB; SwinResNet-14 needs at least .* GB for 6 images of 4096x4096 a step \(.*--image-size \d+ or less\)\.\n$/,
    );
  });

  for (const [signal, what, exitCode] of [
    ['SIGINT', 'Ctrl-C', 130],
    ['SIGTERM', 'SIGTERM', 143],
  ] as const)
    it(`stops after a step on ${what}, saves what there is and ends with code ${exitCode}`, async function () {
      if (process.platform === 'win32') this.skip();
      const out = join(root, `interrupted-${signal}`);
      const child = start([
        'train',
        ...TINY.slice(0, -4),
        '--epochs',
        '1000',
        '--batch-size',
        '4',
        '--out',
        out,
      ]);
      let told = false;
      const {code, stdout, stderr} = await finish(child, (text) => {
        if (told || !/epoch +2\/1000/.test(text)) return;
        told = true;
        child.kill(signal);
      });
      expect(code, stderr).to.equal(exitCode);
      expect(stdout).to.include('Stopping after this step');
      expect(stdout).to.match(new RegExp(`^To go on +tfjs-swint train --resume ${out}$`, 'm'));
      expect(await readdir(out)).to.have.members([
        'checkpoints',
        'history.json',
        'report.html',
        'run.json',
        'swin',
      ]);
      const history = JSON.parse(await readFile(join(out, 'history.json'), 'utf8'));
      expect(history.models).to.have.length(1);
      expect(history.models[0].stopped).to.equal('aborted');
      // Tested as it was saved.
      expect(history.models[0].evaluation.accuracy).to.equal(history.models[0].epochs.at(-1).testAccuracy);
      (await loadModel(join(out, 'swin'))).dispose();
    });

  it('stops when the time is spent', async () => {
    const out = join(root, 'budget');
    const line = [...TINY.slice(0, -4), '--epochs', '1000', '--max-minutes', '0.0001', '--out', out];
    const {code, stdout, stderr} = await swint('train', ...line);
    expect(code, stderr).to.equal(0);
    expect(stdout.match(/time of --max-minutes is spent/g)).to.have.length(2);
    expect(await readdir(out)).to.have.members(['conv', 'history.json', 'report.html', 'run.json', 'swin']);
  });
});
