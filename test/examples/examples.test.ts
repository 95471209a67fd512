import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import '@tensorflow/tfjs';
import {expect} from 'chai';
import '../../architectures/index.js';
import {drawnShapes} from '../../src/data/shapes.js';
import {encodePng} from '../../src/node/image_file.js';
import {loadModel} from '../../src/node/load_model.js';
import {loadWeights} from '../../src/node/weight_files.js';
import {memoryMasks} from '../src/data/memory_masks.js';

const run = promisify(execFile);

/** Ends one that hangs; each takes seconds where nothing else runs. */
const ends = {timeout: 600_000, killSignal: 'SIGKILL'} as const;

describe('examples', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'swint-examples-'));
  });
  after(() => rm(folder, {recursive: true, force: true}));

  const example = async (name: string, ...args: string[]) =>
    (await run(process.execPath, [`examples/${name}`, ...args], ends)).stdout;

  it('replace_a_convolution.js trains a model with a convolution and with SwinT', async () => {
    const output = await example('replace_a_convolution.js', '3');
    expect(output).to.match(/convolution: \d+ parameters, last loss \d+\.\d+, test accuracy 0?\.?\d+/);
    expect(output).to.match(/swinT: \d+ parameters, last loss \d+\.\d+, test accuracy 0?\.?\d+/);
  });

  it('replace_convolutions.js starts where the convolutions are, and trains on', async () => {
    const output = await example('replace_convolutions.js', '3');
    expect(output).to.match(/2 of 3 convolutions replaced: 23,136 parameters are [\d,]+ now/);
    expect(output).to.match(/conv2 +3x3 +2x2 +\[\*, 16, 16, 16\] +\[\*, 8, 8, 32\] +1 +4x4/);
    const [, before, start] =
      /convolutions: test accuracy ([\d.]+)[\s\S]*at the start: test accuracy ([\d.]+)/.exec(output) ?? [];
    expect(start).to.equal(before);
    expect(output).to.match(/with SwinT: test accuracy [\d.]+/);
  });

  it('custom_hybrid.js trains, saves and reloads a segmentation network', async () => {
    const out = join(folder, 'hybrid');
    const output = await example('custom_hybrid.js', '10', out);
    expect(output).to.match(/step 10: loss \d+\.\d+/);
    expect(output).to.match(/intersection over union on 100 test images: \d\.\d+/);
    expect(output).to.contain('reloaded, it differs by 0');
    expect((await readdir(out)).sort()).to.deep.equal(['model.json', 'weights.bin']);
  });

  it('train_on_a_folder.js trains on a folder of images and saves the model', async () => {
    const images = drawnShapes({size: 80, seed: 1});
    for (let i = 0; i < images.size; i++) {
      const directory = join(folder, 'images', images.classNames[images.label(i)]);
      await mkdir(directory, {recursive: true});
      await writeFile(
        join(directory, `${i}.png`),
        encodePng(await images.read(i), images.width, images.height),
      );
    }
    const out = join(folder, 'trained');
    const output = await example('train_on_a_folder.js', join(folder, 'images'), '1', out);
    expect(output).to.match(/\d+ training images, \d+ test images: arrow, bolt, circle/);
    expect(output).to.match(/epoch 1: train loss \d\.\d+, test accuracy \d\.\d+/);
    expect(output).to.match(/test accuracy over six views of each image: \d\.\d+/);
    expect((await readdir(out)).sort()).to.deep.equal(['model.json', 'weights.bin']);

    // Its checkpoints say that it has ended: the same model without a further step.
    const weights = await readFile(join(out, 'weights.bin'));
    await rm(out, {recursive: true});
    const again = await example('train_on_a_folder.js', join(folder, 'images'), '1', out);
    expect(again).to.not.include('epoch 1');
    expect((await readFile(join(out, 'weights.bin'))).equals(weights)).to.equal(true);
  });

  it('fine_tune_swin.js trains from scratch, then from the weights of that for other classes', async () => {
    const images = drawnShapes({size: 120, seed: 2, imageSize: 16});
    for (let i = 0; i < images.size; i++) {
      const classes = images.label(i) < 3 ? 'few' : 'many';
      const directory = join(folder, classes, images.classNames[images.label(i)]);
      await mkdir(directory, {recursive: true});
      await writeFile(join(directory, `${i}.png`), encodePng(await images.read(i), 16, 16));
    }
    const sizes = '--network swinTransformer --patch-size 2 --embed-dim 16 --depths 2,2 --num-heads 1,2';
    const common = [...sizes.split(' '), ...'--window-size 4 --image-size 16 --batch-size 8'.split(' ')];
    const tune = (...args: string[]) => example('fine_tune_swin.js', ...common, ...args);

    const pretrained = join(folder, 'pretrained');
    const first = await tune('--data', join(folder, 'many'), '--epochs', '1', '--out', pretrained);
    expect(first).to.match(/swinTransformer: [\d,]+ parameters, frozen stages: 0/);
    const checkpoint = join(pretrained, 'weights.safetensors');
    const out = join(folder, 'tuned');
    const second = await tune(
      ...['--data', join(folder, 'few'), '--checkpoint', checkpoint, '--out', out],
      ...['--epochs', '8', '--patience', '1', '--learning-rate', '0'],
    );
    expect(second).to.match(/weights\.safetensors: \d+ weights of timm, 0 more resized/);
    expect(second).to.include('frozen stages: 1');
    // A rate of 0 gets no better: the second epoch is the last.
    expect(second.match(/^epoch \d/gm)).to.deep.equal(['epoch 1', 'epoch 2']);
    expect(second).to.match(/early; epoch 1 was the best: test accuracy \d\.\d+/);
    expect(second.match(/test image \d+, \w+: (circle|square|triangle) \(\d+\.\d %\)/g)).to.have.length(6);
    expect((await readdir(out)).sort()).to.deep.equal(['model', 'report.html', 'weights.safetensors']);

    // Nothing moved but the head: the model holds the weights of the checkpoint.
    const model = await loadModel(join(out, 'model'));
    const stages = async () => {
      const values: number[] = [];
      for (const layer of model.layers.filter(({name}) => name !== 'head')) {
        for (const weight of layer.getWeights()) values.push(...(await weight.data()));
      }
      return values;
    };
    const saved = await stages();
    const {missing} = await loadWeights(model, checkpoint);
    expect(missing).to.deep.equal(['head.weight', 'head.bias']);
    expect(saved).to.deep.equal(await stages());
    expect(new Set(saved).size).to.be.above(1000);
    model.dispose();
  });

  it('train_on_a_folder.js without a folder says how it is used', async () => {
    try {
      await example('train_on_a_folder.js');
      expect.fail('it ended well');
    } catch (error) {
      expect((error as {code: number; stderr: string}).code).to.equal(2);
      expect((error as {stderr: string}).stderr).to.contain(
        'usage: node examples/train_on_a_folder.js FOLDER',
      );
    }
  });

  it('image_recognition.js classifies with tfjs-image-recognition-base, and loads what it wrote', async () => {
    const out = join(folder, 'recognition');
    const output = await example('image_recognition.js', '1', out);
    expect(output).to.match(/test accuracy 0\.\d+/);
    expect(output.match(/^\w+: \d+\.\d %$/gm)).to.have.length(3);
    expect(output).to.contain('loaded, it differs by 0');
    expect((await readdir(out)).sort()).to.deep.equal([
      'swin_model-shard1',
      'swin_model-weights_manifest.json',
    ]);
  });

  it('segment_images.js trains on images and masks, saves the model, pictures and a report', async () => {
    const images = memoryMasks({sizes: Array.from({length: 5}, () => [40, 36] as const)});
    for (let i = 0; i < images.size; i++) {
      const {data, mask, height, width} = await images.read(i);
      const greys = Uint8Array.from({length: 3 * mask.length}, (_, at) => 100 * mask[Math.floor(at / 3)]);
      for (const [part, rgb] of [
        ['image', data],
        ['label', greys],
      ] as const) {
        await mkdir(join(folder, 'masks', part), {recursive: true});
        await writeFile(join(folder, 'masks', part, `${i}.png`), encodePng(rgb, width, height));
      }
    }
    const out = join(folder, 'segmented');
    const sizes = [
      '--crop',
      '32',
      '--width',
      '16',
      '--batch',
      '2',
      '--epochs',
      '2',
      '--steps-per-epoch',
      '2',
    ];
    const classes = ['--classes', 'grey,bright,dark', '--test', '3-4'];
    const output = await example(
      'segment_images.js',
      join(folder, 'masks'),
      ...classes,
      ...sizes,
      '--out',
      out,
    );
    expect(output).to.contain('3 training images, 2 test images: grey, bright, dark');
    expect(output).to.match(
      /epoch 2: 2 steps in \d+ s, loss \d\.\d+, mean IoU 0\.\d+, test 0\.\d+, pixel accuracy \d/,
    );
    expect(output).to.match(/dark: IoU (0\.\d{4}|-), Dice (0\.\d{4}|-)/);
    expect((await readdir(out)).sort()).to.deep.equal(['model', 'overlays', 'report.html']);
    expect((await readdir(join(out, 'overlays'))).sort()).to.deep.equal(['3.png', '4.png']);
  });

  it('segment_images.js without classes says how it is used', async () => {
    try {
      await example('segment_images.js', folder);
      expect.fail('it ended well');
    } catch (error) {
      expect((error as {code: number; stderr: string}).code).to.equal(2);
      expect((error as {stderr: string}).stderr).to.contain('usage: node examples/segment_images.js FOLDER');
    }
  });
});
