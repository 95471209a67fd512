/**
 * The pages that classify and segment, in Chromium, by what a person sees: a picture goes in by the file field, the answer is
 * read from the page. Their networks are trained here, so that no shipped one is needed.
 *
 * Works on `dist`, which `npm test` builds first.
 */
import '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet, swinUNet} from '../../architectures/index.js';
import {drawnCells} from '../../examples/browser/parts/drawn_cells.js';
import {setupBackend} from '../../src/backends/setup_backend.js';
import type {ImageDataset} from '../../src/data/dataset.js';
import type {SegmentationDataset} from '../../src/data/segmentation_dataset.js';
import {encodePng} from '../../src/node/image_file.js';
import {confusionMatrix, segmentationScores} from '../../src/training/segmentation_metrics.js';
import {train} from '../../src/training/train.js';
import {trainSegmentation} from '../../src/training/train_segmentation.js';
import {inChromium, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {builtPages, FOLDER, waitUntilItSays} from './pages.js';

const COLOURS: Readonly<Record<string, readonly number[]>> = {
  red: [200, 60, 50],
  green: [60, 170, 80],
  blue: [50, 80, 190],
};
const NAMES = Object.keys(COLOURS);

/** Squares of one colour, darker and lighter ones. */
function squares(name: string, size: number, side: number): ImageDataset {
  return {
    ...{name, size, height: side, width: side, channels: 3, classNames: NAMES},
    label: (index) => index % NAMES.length,
    async read(index) {
      const light = 0.7 + 0.3 * ((index * 0.618) % 1);
      const colour = COLOURS[NAMES[index % NAMES.length]!]!;
      return Uint8Array.from({length: side * side * 3}, (_, i) => light * colour[i % 3]! + ((i * 37) % 11));
    },
  };
}

async function colourClassifier() {
  const [numClasses, side] = [NAMES.length, 16];
  const model = swinResNet({depth: 14, inputShape: [3, side, side], widths: [4, 4, 8], numClasses, seed: 4});
  await train(
    model,
    {train: squares('train', 90, side), test: squares('test', 30, side)},
    {epochs: 3, batchSize: 10, learningRate: 0.01},
  );
  return model;
}

function sections(name: string, size: number, seed: number): SegmentationDataset {
  const classNames = ['membrane', 'cell'];
  const imageName = (index: number) => `section${index}`;
  return {
    name,
    size,
    channels: 3,
    classNames,
    imageName,
    read: async (index) => drawnCells(96, seed + index),
  };
}

async function membraneSegmenter() {
  const [first, second] = [[8], [16]];
  const sizes = {embedDim: 16, depths: [2], numHeads: [2], windowSize: 4, patchSize: 4};
  const model = swinUNet({...sizes, numClasses: 2, convolutions: [first, second], seed: 1});
  await trainSegmentation(
    model,
    {train: sections('train', 8, 100), test: sections('test', 1, 200)},
    {epochs: 1, stepsPerEpoch: 60, batchSize: 4, cropSize: 64, learningRate: 0.003},
  );
  return model;
}

const png = (name: string, {data, width, height}: {data: Uint8Array; width: number; height: number}) => ({
  name,
  mimeType: 'image/png',
  buffer: Buffer.from(encodePng(data, width, height)),
});

describe('pages that predict', () => {
  let pages: Map<string, ServedFile>;

  before(async function () {
    needsChromium(this);
    await setupBackend('wasm', {threads: 1});
    const [classifier, segmenter] = [await colourClassifier(), await membraneSegmenter()];
    pages = await builtPages({'swin-resnet-cifar10': classifier, 'swin-unet-membranes': segmenter});
    classifier.dispose();
    segmenter.dispose();
  });

  it('classify: names the class of a picture, most probable first', async () => {
    await inChromium(pages, async (page, address) => {
      await page.goto(`${address}${FOLDER}/classify.html?backend=wasm`);
      await waitUntilItSays(page, /^Ready/);
      for (const [name, colour] of Object.entries(COLOURS)) {
        const data = Uint8Array.from({length: 30 * 20 * 3}, (_, i) => colour[i % 3]!);
        await page
          .getByLabel('Choose a picture')
          .setInputFiles(png(`${name}.png`, {data, width: 30, height: 20}));
        expect(await waitUntilItSays(page, new RegExp(`^${name}, \\d`))).to.match(/%$/);
        const answers = page.getByRole('list', {name: 'Most probable classes'}).getByRole('listitem');
        expect(await answers.count()).to.equal(3);
        expect(await answers.first().textContent()).to.match(new RegExp(`^${name}\\d+\\.\\d %$`));
      }
    });
  });

  it('segment: lays the classes of the pixels over a picture', async () => {
    const held = drawnCells(128, 300);
    const overlay = await inChromium(pages, async (page, address) => {
      await page.goto(`${address}${FOLDER}/segment.html?backend=wasm`);
      await waitUntilItSays(page, /^Ready/);
      await page.getByLabel('Choose a picture').setInputFiles(png('section.png', held));
      await waitUntilItSays(page, /^Done/);
      const shares = await page
        .getByRole('list', {name: 'Share of the picture'})
        .getByRole('listitem')
        .allTextContents();
      expect(shares.map((text) => text.split(' ')[0])).to.deep.equal(['membrane', 'cell']);
      await page.getByRole('slider', {name: 'Opacity'}).fill('35');
      return page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('#overlay')!;
        const {data, width, height} = canvas
          .getContext('2d')!
          .getImageData(0, 0, canvas.width, canvas.height);
        const coloured = Array.from({length: width * height}, (_, i) => data[4 * i + 3]! > 0);
        return {width, height, coloured, opacity: getComputedStyle(canvas).opacity};
      });
    });
    expect([overlay.width, overlay.height]).to.deep.equal([128, 128]);
    expect(Number(overlay.opacity)).to.equal(0.35);
    // Membranes are coloured, cells are left as they are.
    const predicted = overlay.coloured.map((isColoured) => (isColoured ? 0 : 1));
    const {meanIou} = segmentationScores(confusionMatrix(held.mask, predicted, 2));
    expect(meanIou).to.be.above(0.7);
  });
});
