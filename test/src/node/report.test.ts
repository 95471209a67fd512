import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';
import {PNG} from 'pngjs';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {ConfigError} from '../../../src/errors.js';
import {type ReportArgs, type ReportedModel, renderReport, writeReport} from '../../../src/node/report.js';

const EXTENT = 4;

/** Image i is of class i mod K and filled with the bytes i, i + 1, ... */
function dataset(classNames: readonly string[], size: number): ImageDataset {
  return {
    name: 'squares/test',
    size,
    height: EXTENT,
    width: EXTENT,
    channels: 3,
    classNames,
    label: (index) => index % classNames.length,
    read: async (index) => Uint8Array.from({length: EXTENT * EXTENT * 3}, (_, at) => (index + at) % 256),
  };
}

/** A model that takes every image listed in `wrong` for the class after its own. */
function model(name: string, test: ImageDataset, wrong: readonly number[], epochs = 3): ReportedModel {
  const classes = test.classNames.length;
  const confusion = Array.from({length: classes}, () => new Array<number>(classes).fill(0));
  const predictions = Int32Array.from({length: test.size}, (_, index) =>
    wrong.includes(index) ? (test.label(index) + 1) % classes : test.label(index),
  );
  for (const [index, prediction] of predictions.entries()) confusion[test.label(index)][prediction] += 1;
  return {
    name,
    parameters: 1234567,
    history: {
      epochs: Array.from({length: epochs}, (_, i) => ({
        epoch: i + 1,
        trainLoss: 2 / (i + 1),
        trainAccuracy: 0.2 * (i + 1),
        testLoss: 2.5 / (i + 1),
        testAccuracy: 0.1 * (i + 1),
        learningRate: 1e-3,
        steps: 5,
        trainSeconds: 1,
        testSeconds: 1,
      })),
      testViews: 1,
      stopped: 'finished',
      bestEpoch: epochs,
      restoredEpoch: null,
      steps: 15,
      stepMs: 142.7,
      imagesPerSecond: 1224.4,
      seconds: 6,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      evaluation: {
        loss: 0.4567,
        accuracy: 1 - wrong.length / test.size,
        confusion,
        predictions,
        confidences: Float32Array.from({length: test.size}, (_, index) => (index + 1) / test.size),
      },
    },
  };
}

const test = dataset(['cat', 'dog', 'emu'], 12);

function args(changes: Partial<ReportArgs> = {}): ReportArgs {
  return {
    title: 'Cats',
    command: 'tfjs-swint train',
    configuration: {epochs: 3},
    test,
    models: [model('SwinT', test, [4]), model('Conv2D', test, [4, 7, 8])],
    ...changes,
  };
}

/** The text between tags, each run on its own. */
const textOf = (page: string) => page.replace(/<style>.*<\/style>/s, '').replace(/<[^>]*>/g, '|');

describe('report', () => {
  it('needs nothing from outside: no script, no address, every image inline', async () => {
    const page = await renderReport(args());
    expect(page).to.match(/^<!doctype html>/);
    expect(page).not.to.match(/<script|<link|<iframe|@import/i);
    const addresses = page.match(/(?:https?:)?\/\/[\w.]+[^"'\s]*/g) ?? [];
    // Names of XML vocabularies; nothing is fetched from them.
    expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).to.deep.equal([]);
    const sources = [...page.matchAll(/src="([^"]{0,30})/g)].map(([, source]) => source);
    expect(sources.length).to.be.above(0);
    for (const source of sources) expect(source).to.match(/^data:image\/png;base64,/);
  });

  it('shows the figures of each model', async () => {
    const text = textOf(await renderReport(args()));
    expect(text).to.match(/SwinT\|+1,234,567\|+143 ms\|+1,224\|+0\.667\|+0\.457\|+91\.7\u00a0%/);
    expect(text).to.include(
      'Of 12 test images of 3 classes, SwinT classifies 91.7\u00a0% and Conv2D classifies 75.0\u00a0%',
    );
  });

  it('draws a test and a training curve per model in each chart, a point per epoch', async () => {
    const page = await renderReport(args());
    const charts = page.match(/<svg[^>]*role="img".*?<\/svg>/gs)!;
    expect(charts).to.have.length(2);
    for (const chart of charts) {
      for (const series of [0, 1]) {
        const lines = chart.match(
          new RegExp(`<path[^>]*stroke="var\\(--series-${series}\\)"[^>]*stroke-width="2"`, 'g'),
        );
        expect(lines).to.have.length(2);
      }
      expect(chart.match(/stroke-dasharray="4,3"/g)).to.have.length(2);
      expect(chart.match(/stroke-width="1.5"/g)).to.have.length(12);
      expect(chart).not.to.match(/NaN|undefined/);
    }
  });

  it('shows the counts of the confusion matrix, shaded by the share of the row', async () => {
    const page = await renderReport(args({models: [model('SwinT', test, [4, 7, 8])]}));
    const rows = [...page.matchAll(/<tr><th scope="row">(cat|dog|emu)<\/th>(.*?)<\/tr>/gs)].map(
      ([, , cells]) =>
        [...cells.matchAll(/\/ ([\d.]+)\)" title="[^"]*">(?:<span class="none">)?(\d+|·)/g)].map(
          ([, share, shown]) => [Number(share), shown],
        ),
    );
    expect(rows).to.deep.equal([
      [
        [1, '4'],
        [0, '·'],
        [0, '·'],
      ],
      [
        [0, '·'],
        [0.5, '2'],
        [0.5, '2'],
      ],
      [
        [0.25, '1'],
        [0, '·'],
        [0.75, '3'],
      ],
    ]);
  });

  it('shows the images as they are, with the true class and what each model said', async () => {
    const page = await renderReport(args({imageCount: 5}));
    const cards = [...page.matchAll(/<li class="(has-wrong)?">(<img.*?)<\/li>/gs)].map(([, wrong, card]) => ({
      wrong,
      card,
    }));
    const numbers = cards.map(({card}) => Number(card.match(/alt="test image (\d+)/)![1]));
    // Five of the sample, then the mistakes: most confident, that is highest index, first.
    expect(numbers).to.deep.equal([0, 1, 2, 3, 4, 8, 7, 4]);
    const [, encoded] = cards[4].card.match(/base64,([^"]+)/)!;
    const {data} = PNG.sync.read(Buffer.from(encoded, 'base64'));
    const pixels = await test.read(4);
    for (let pixel = 0; pixel < EXTENT * EXTENT; ++pixel) {
      expect([...data.subarray(4 * pixel, 4 * pixel + 3)]).to.deep.equal([
        ...pixels.subarray(3 * pixel, 3 * pixel + 3),
      ]);
    }
    expect(cards.map(({wrong}) => wrong !== undefined)).to.deep.equal([
      false,
      false,
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
    expect(textOf(cards[6].card)).to.match(
      /dog\|+✓\|+SwinT\| dog\|+67\u00a0%\|+✗\|+Conv2D\| emu\|+67\u00a0%/,
    );
  });

  it('escapes whatever comes from outside', async () => {
    const evil = `<img src=x onerror="alert('&')">`;
    const names = [evil, 'dog', 'emu'];
    const risky = dataset(names, 12);
    const page = await renderReport(
      args({
        title: evil,
        subtitle: evil,
        command: evil,
        configuration: {[evil]: evil},
        test: risky,
        models: [model(evil, risky, [0])],
      }),
    );
    expect(page).not.to.include('<img src=x');
    expect(page).not.to.match(/="[^"]*onerror="/);
    expect(page).to.include('<h1>&lt;img src=x onerror=&quot;alert(&#39;&amp;&#39;)&quot;&gt;</h1>');
  });

  it('lists the confusions instead of a table where there are many classes', async () => {
    const many = dataset(
      Array.from({length: 30}, (_, i) => `class ${i}`),
      60,
    );
    const page = await renderReport(args({test: many, models: [model('SwinT', many, [4])]}));
    expect(page).not.to.include('<table class="confusion">');
    expect(textOf(page)).to.match(/class 4\|+class 5\|+1 of 2/);
    const [, encoded] = page.match(/<img class="matrix" src="data:image\/png;base64,([^"]+)/)!;
    const picture = PNG.sync.read(Buffer.from(encoded, 'base64'));
    expect([picture.width, picture.height]).to.deep.equal([30, 30]);
    const red = (row: number, column: number) => picture.data[4 * (row * 30 + column)];
    expect([red(0, 0), red(0, 1)]).to.deep.equal([20, 255]);
    expect(red(4, 5)).to.equal(red(4, 4)).and.to.be.within(21, 254);
  });

  it('says where a training was cut short, and lives with a single epoch and none', async () => {
    const cut = model('SwinT', test, [], 1);
    cut.history.stopped = 'budget';
    const aborted = model('Conv2D', test, [], 1);
    aborted.history.stopped = 'aborted';
    aborted.history.epochs[0].testLoss = null;
    aborted.history.epochs[0].testAccuracy = null;
    aborted.history.evaluation = null;
    const text = textOf(await renderReport(args({models: [cut, aborted]})));
    expect(text).to.include('SwinT stopped in epoch 1 because its time was spent.');
    expect(text).to.include('Conv2D stopped in epoch 1 because it was interrupted.');
    expect(text).to.include('Not evaluated.');
    expect(text).not.to.match(/NaN|undefined|null/);
    const never = model('Conv2D', test, [], 0);
    never.history = {
      ...never.history,
      evaluation: null,
      stepMs: null,
      imagesPerSecond: null,
      stopped: 'aborted',
    };
    const page = await renderReport(args({models: [never]}));
    expect(page).to.include('No epoch was trained.').and.to.include('No model was evaluated.');
  });

  it('says which epoch the weights are of where those of the best one were put back', async () => {
    const early = model('SwinT', test, [], 5);
    Object.assign(early.history, {stopped: 'early', bestEpoch: 2, restoredEpoch: 2});
    const text = textOf(await renderReport(args({models: [early]})));
    expect(text).to.include(
      'SwinT stopped in epoch 5 because it had not become better for some epochs. ' +
        'The weights and test figures of SwinT are those of epoch 2, its best.',
    );
  });

  it('shows grey images, leaves out images that were skipped', async () => {
    const grey = {
      ...test,
      channels: 1,
      read: async (index: number) => new Uint8Array(EXTENT * EXTENT).fill(index),
    };
    const one = model('SwinT', grey, []);
    one.history.evaluation!.predictions[0] = -1;
    const page = await renderReport(args({test: grey, models: [one]}));
    expect(page).to.include('alt="test image 1:').and.not.to.include('alt="test image 0:');
    expect(page).to.include('No test image was misclassified.');
  });

  it('refuses no model', async () => {
    const error = await renderReport(args({models: []})).catch((reason) => reason);
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/one to four models; got 0/);
  });

  it('is written to a file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'swint-report-'));
    try {
      await writeReport(join(dir, 'report.html'), args());
      expect(await readFile(join(dir, 'report.html'), 'utf8')).to.equal(await renderReport(args()));
    } finally {
      await rm(dir, {recursive: true});
    }
  });
});
