import {readFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {encodePng} from '../../../src/node/image_file.js';
import {saveModel} from '../../../src/node/save_model.js';
import {randScore} from '../../../src/training/rand_score.js';
import {cifarBytes} from '../data/cifar_bytes.js';
import {jpegOf, pngOf, put, temporaryFolder} from '../node/temporary_folder.js';
import {saveBrightnessSegmenter, saveColourClassifier, saveSidesClassifier, swint} from './cli_models.js';

/** A picture of 12x6 whose true membrane is at columns 3 and 8; the prediction sees what is dark. */
const TRUTH = Array.from({length: 72}, (_, i) => ([3, 8].includes(i % 12) ? 0 : 1));
/** The second membrane has a hole in row 2, and column 0 is dark without being membrane. */
const SEEN = TRUTH.map((value, i) => (i === 2 * 12 + 8 ? 1 : i % 12 === 0 ? 0 : value));

const picture = (mask: readonly number[]) =>
  encodePng(
    Uint8Array.from(
      mask.flatMap((value) => [value, value, value]),
      (value) => value * 255,
    ),
    12,
    6,
  );

describe('tfjs-swint evaluate', () => {
  const path = temporaryFolder();
  const evaluate = (...args: string[]) => swint('evaluate', ...args, '--backend', 'cpu');
  const colours = {red: [220, 0, 0], green: [0, 220, 0], blue: [0, 0, 220]} as const;
  before(async () => {
    await saveColourClassifier(path('colours'));
    await saveBrightnessSegmenter(path('cells'));
    // Two of three test images of green are blue, of another size and proportions.
    for (const [name, colour] of Object.entries(colours)) {
      for (const n of [0, 1, 2]) {
        const shown = name === 'green' && n > 0 ? colours.blue : colour;
        await put(path('photos', 'test', name, `${n}.png`), pngOf(shown, 9 + n, 5));
        await put(path('photos', 'train', name, `${n}.jpg`), jpegOf(colour, 16));
      }
    }
    for (const name of ['18', '19', '20', '21']) {
      await put(path('sections', 'image', `${name}.png`), picture(SEEN));
      await put(path('sections', 'label', `${name}.png`), picture(TRUTH));
    }
  });

  it('tells its help, with examples', async () => {
    const {code, stdout} = await swint('evaluate', '--help');
    expect(code).to.equal(0);
    for (const text of [
      'MODEL --data DIR',
      '--part',
      '--report',
      '--json',
      '--border',
      '--test',
      'Examples:',
    ]) {
      expect(stdout).to.include(text);
    }
  });

  it('prints accuracy, loss, the figures of each class and the confusion of a classifier', async () => {
    const {code, stdout, stderr} = await evaluate(path('colours'), '--data', path('photos'));
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include(`Data     ${path('photos')}/test: 9 images, 8x8, 3 classes`);
    expect(stdout).to.match(/^Accuracy 77\.78% \(7 of 9\)$/m);
    // Logits of 10 * 220 / 255 and twice 0, right and wrong.
    const high = (10 * 220) / 255;
    const sum = Math.log(Math.exp(high) + 2);
    expect(stdout).to.include(`Loss     ${((7 * (sum - high) + 2 * sum) / 9).toFixed(4)}`);
    expect(stdout).to.match(/^green +3 +33\.3% +100\.0% +0\.500$/m);
    expect(stdout).to.match(/^blue +3 +100\.0% +60\.0% +0\.750$/m);
    expect(stdout).to.match(
      /^true \\ predicted +red +green +blue\nred +3 +0 +0\ngreen +0 +1 +2\nblue +0 +0 +3$/m,
    );
  });

  it('gives the same to programs, of the part that is asked for, and writes a report', async () => {
    const report = path('reports', 'photos.html');
    const all = await evaluate(
      path('colours'),
      '--data',
      path('photos'),
      '--part',
      'all',
      '--json',
      '--report',
      report,
    );
    expect(all.code, all.stderr).to.equal(0);
    const result = JSON.parse(all.stdout);
    expect(result).to.include({task: 'classify', images: 18, skipped: 0, accuracy: 16 / 18});
    expect(result.confusion).to.deep.equal([
      [6, 0, 0],
      [0, 4, 2],
      [0, 0, 6],
    ]);
    expect(result.classes[1]).to.deep.equal({name: 'green', images: 6, recall: 4 / 6, precision: 1, f1: 0.8});
    const page = await readFile(report, 'utf8');
    expect(page)
      .to.include('green taken for blue: 2 of 6')
      .and.include('data:image/png;base64,')
      .and.include('88.9');
    const trained = await evaluate(path('colours'), '--data', path('photos'), '--part', 'train', '--json');
    expect(JSON.parse(trained.stdout)).to.include({images: 9, accuracy: 1});
  });

  it('takes the mean over views of each image where it is told to', async () => {
    await saveSidesClassifier(path('sides'));
    const halves = (left: number, right: number) =>
      encodePng(Uint8Array.from([left, right, left, right].flatMap((value) => [value, value, value])), 2, 2);
    for (const part of ['train', 'test']) {
      await put(path('halves', part, 'left', '0.png'), halves(255, 0));
      await put(path('halves', part, 'right', '0.png'), halves(0, 255));
    }
    const line = [path('sides'), '--data', path('halves')];
    const one = await evaluate(...line, '--json');
    expect(one.code, one.stderr).to.equal(0);
    expect(JSON.parse(one.stdout)).to.include({views: 1, accuracy: 1});
    // An image and its mirror image together say nothing of sides.
    for (const views of [2, 6]) {
      const result = JSON.parse((await evaluate(...line, '--views', String(views), '--json')).stdout);
      expect(result).to.include({views, accuracy: 0.5});
      expect(result.loss).to.be.closeTo(Math.log(2), 1e-6);
    }
    const report = path('reports', 'halves.html');
    const text = await evaluate(...line, '--views', '6', '--report', report);
    expect(text.stdout).to.match(/^Views {4}6 of each image\nAccuracy 50\.00%/m);
    expect(await readFile(report, 'utf8')).to.include('views');
  });

  it('leaves unreadable images out where it is told to, and says which', async () => {
    for (const name of Object.keys(colours)) {
      await put(path('damaged', 'test', name, '0.png'), pngOf(colours[name as 'red'], 8));
      await put(path('damaged', 'train', name, '0.png'), pngOf(colours[name as 'red'], 8));
    }
    await put(path('damaged', 'test', 'red', '1.png'), 'no picture');
    const failed = await evaluate(path('colours'), '--data', path('damaged'));
    expect(failed.code).to.equal(1);
    expect(failed.stderr)
      .to.match(/1\.png/)
      .and.match(/^[^\n]+\n$/);
    const {code, stdout, stderr} = await evaluate(
      path('colours'),
      '--data',
      path('damaged'),
      '--bad-images',
      'skip',
      '--json',
    );
    expect(code).to.equal(0);
    expect(stderr).to.match(/^ {2}skipped {2}.*1\.png.*\n$/);
    expect(JSON.parse(stdout)).to.include({images: 3, skipped: 1, accuracy: 1});
  });

  it('reads CIFAR binaries', async () => {
    for (let n = 1; n <= 5; n++) await put(path('cifar', `data_batch_${n}.bin`), cifarBytes([[0]]));
    await put(path('cifar', 'test_batch.bin'), cifarBytes([[0], [1]]));
    const names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
    // Every picture is an airplane.
    const weights = [tf.zeros([3, 10]), tf.tensor1d([1, ...new Array<number>(9).fill(0)])];
    const model = tf.sequential({
      layers: [
        tf.layers.globalAveragePooling2d({inputShape: [3, 32, 32], dataFormat: 'channelsFirst'}),
        tf.layers.dense({units: 10, weights}),
      ],
    });
    await saveModel(model, path('ten'));
    const {code, stdout, stderr} = await evaluate(path('ten'), '--data', path('cifar'), '--json');
    expect(code, stderr).to.equal(0);
    const result = JSON.parse(stdout);
    expect(result).to.include({data: 'cifar10/test', images: 2, accuracy: 0.5});
    expect(result.classNames).to.deep.equal(names);
    const wrong = await evaluate(path('colours'), '--data', path('cifar'));
    expect(wrong.code).to.equal(1);
    expect(wrong.stderr).to.match(
      /the model must have the classes of the data, airplane, .*; got red, green, blue/,
    );
  });

  it('measures a segmentation network: IoU, pixel accuracy and the Rand score', async () => {
    const report = path('reports', 'sections.html');
    const line = [path('cells'), '--data', path('sections'), '--test', '20-21'];
    const {code, stdout, stderr} = await evaluate(...line, '--json', '--report', report);
    expect(code, stderr).to.equal(0);
    const result = JSON.parse(stdout);
    expect(result).to.include({task: 'segment', images: 2});
    // 12 membrane pixels, of which 11 are seen, beside 6 that are none.
    expect(result.classes[0].iou).to.be.closeTo(11 / 18, 1e-12);
    expect(result.pixelAccuracy).to.be.closeTo(65 / 72, 1e-12);
    expect(result.rand).to.deep.equal(randScore(TRUTH, SEEN, {width: 12, height: 6, border: 0}));
    expect(result.rand.merge).to.be.below(result.rand.split);
    const page = await readFile(report, 'utf8');
    expect(page)
      .to.include('Foreground-restricted Rand score')
      .and.include('predicted, not there')
      .and.include('<strong>21</strong>');

    const text = await evaluate(...line, '--part', 'train');
    expect(text.stdout).to.match(/train: 2 images with masks, membrane, cell$/m);
    expect(text.stdout).to.match(/^mean IoU 0\.\d{4}, pixel accuracy 90\.28%$/m);
    expect(text.stdout).to.match(
      /^Rand {5}0\.\d{4} \(split (?:0\.\d{4}|1\.0000), merge 0\.\d{4}\), foreground-restricted$/m,
    );
    expect(text.stdout).to.match(/^membrane +0\.6111 +\S+ +16\.7%$/m);
  });

  const refused: [what: string, args: string[], code: number, message: RegExp][] = [
    ['no model', ['--data', 'x'], 2, /one model must be given; got none/],
    ['two models', ['a', 'b', '--data', 'x'], 2, /one model must be given; got a b/],
    ['no data', ['a'], 2, /--data must be a folder of labelled images; got nothing/],
    ['an unknown option', ['a', '--date', 'x'], 2, /Unknown option '--date' \(Did you mean --data\?\)/],
    ['an unknown part', ['a', '--part', 'val'], 2, /--part must be one of test, train, all; got val/],
    ['a range that runs backwards', ['a', '--test', '29-20'], 2, /--test must be names a,b,.*; got 29-20/],
    [
      'a value of masks that is none',
      ['a', '--values', '0,300'],
      2,
      /--values must be a grey value .*; got 300/,
    ],
    ['views that are none', ['a', '--views', '3'], 2, /--views must be one of 1, 2, 6; got 3/],
    [
      'views with a segmentation network',
      ['cells', '--data', 'x', '--views', '2'],
      2,
      /--views must go with a classifier; got it with a segmentation network/,
    ],
    [
      'an option for masks with a classifier',
      ['colours', '--data', 'x', '--border', 'red'],
      2,
      /--border must go with a segmentation network; got it with a classifier/,
    ],
    [
      'a folder that is not there',
      ['colours', '--data', 'nowhere'],
      1,
      /--data must be a folder that is there; got nowhere/,
    ],
    [
      'an unknown border',
      ['cells', '--data', 'x', '--border', 'sky'],
      1,
      /--border must be one of membrane, cell; got sky/,
    ],
  ];
  for (const [what, args, code, message] of refused) {
    it(`refuses ${what} in one line`, async () => {
      const result = await evaluate(
        ...args.map((arg) => (['colours', 'cells'].includes(arg) ? path(arg) : arg)),
      );
      expect(result.stderr)
        .to.match(message)
        .and.to.match(/^[^\n]+\n$/);
      expect(result.code).to.equal(code);
    });
  }
});
