/**
 * The pages that train and that look inside of a SwinT, in Chromium, by what a person sees.
 *
 * Works on `dist`, which `npm test` builds first.
 */
import '@tensorflow/tfjs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';
import type {Page} from 'playwright-core';
import {swinUNet} from '../../architectures/index.js';
import {drawnShapes} from '../../src/data/shapes.js';
import {encodePng} from '../../src/node/image_file.js';
import {inChromium, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {builtPages, FOLDER, waitUntilItSays} from './pages.js';

const NAMES = ['circle', 'cross', 'star'];

/** A folder with one folder of images for each class. */
async function imageFolders(count: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'swint-pages-'));
  const images = drawnShapes({size: 10 * count, seed: 3});
  for (let i = 0; i < images.size; i++) {
    const name = images.classNames[images.label(i)]!;
    if (!NAMES.includes(name)) continue;
    await mkdir(join(folder, name), {recursive: true});
    const bytes = encodePng(await images.read(i), images.width, images.height);
    await writeFile(join(folder, name, `${i}.png`), bytes);
  }
  return folder;
}

/** The test accuracies in the table of all epochs, in percent. */
async function accuracies(page: Page): Promise<number[]> {
  const cells = page.locator('#epochs tr td:last-child');
  return (await cells.allTextContents()).map((text) => Number.parseFloat(text));
}

/** Waits until an epoch is in the table that fits. */
async function epochsUntil(page: Page, fits: (shares: number[]) => boolean): Promise<number[]> {
  const alert = page.getByRole('alert');
  for (;;) {
    const shares = await accuracies(page);
    if (fits(shares)) return shares;
    const error = await alert.textContent();
    if (error) throw new Error(`the page shows the error: ${error}`);
    await page.waitForTimeout(200);
  }
}

describe('pages that train and explain', () => {
  let pages: Map<string, ServedFile>;
  let folder: string;

  before(async function () {
    needsChromium(this);
    const segmenter = swinUNet({
      ...{
        numClasses: 2,
        embedDim: 16,
        depths: [2, 2],
        numHeads: [2, 4],
        windowSize: 8,
        patchSize: 8,
        seed: 1,
      },
    });
    pages = await builtPages({'swin-unet-membranes': segmenter});
    segmenter.dispose();
    folder = await imageFolders(60);
  });
  after(async () => {
    if (folder) await rm(folder, {recursive: true, force: true});
  });

  it('train: learns three classes, goes on after a reload, saves; classify has what was saved', async () => {
    await inChromium(pages, async (page, address) => {
      await page.goto(`${address}${FOLDER}/train.html?backend=wasm`);
      await waitUntilItSays(page, /^Ready/);
      await page.getByLabel('Choose a folder of folders').setInputFiles(folder);
      await waitUntilItSays(page, /^180 pictures of 3 classes/);
      await page.getByRole('button', {name: 'Start'}).click();
      await epochsUntil(page, (shares) => shares.length >= 1);
      const before = await accuracies(page);

      await page.reload();
      await waitUntilItSays(page, /^Training SwinT/);
      const after = await epochsUntil(page, (shares) => shares.length > before.length);
      // What was learned before is still there, and is not learned once more.
      expect(after.slice(0, before.length)).to.deep.equal(before);
      await epochsUntil(page, (shares) => shares.some((share) => share >= 95));
      await page.getByRole('button', {name: 'Stop'}).click();
      await waitUntilItSays(page, /^Stopped|^The training has ended/);

      await page.getByLabel('Name to save under').fill('three shapes');
      await page.getByRole('button', {name: 'Save in this browser'}).click();
      await waitUntilItSays(page, /^Saved as three shapes/);

      await page.goto(`${address}${FOLDER}/classify.html?backend=wasm`);
      await page.getByRole('combobox', {name: 'Network'}).selectOption({label: 'three shapes'});
      await waitUntilItSays(page, /^Ready/);
      const images = drawnShapes({size: 30, seed: 4});
      let right = 0;
      const shown = [...Array(30).keys()].filter((i) => NAMES.includes(images.classNames[images.label(i)]!));
      for (const i of shown) {
        const buffer = Buffer.from(encodePng(await images.read(i), images.width, images.height));
        const timing = page.getByText(/^Classified in/);
        await timing.evaluateAll((texts) => texts.map((text) => text.replaceChildren()));
        await page
          .getByLabel('Choose a picture')
          .setInputFiles({name: 'shape.png', mimeType: 'image/png', buffer});
        await timing.waitFor();
        const best = page.getByRole('list', {name: 'Most probable classes'}).getByRole('listitem').first();
        if ((await best.textContent())!.startsWith(images.classNames[images.label(i)]!)) right++;
      }
      expect(shown.length).to.equal(9);
      expect(right).to.be.at.least(7);
    });
  });

  it('train: says what is missing', async () => {
    await inChromium(pages, async (page, address) => {
      await page.goto(`${address}${FOLDER}/train.html?backend=wasm`);
      await waitUntilItSays(page, /^Ready/);
      await page.getByRole('button', {name: 'Add a class'}).click();
      await page.getByRole('button', {name: 'Start'}).click();
      const alert = page.getByRole('alert');
      await alert.filter({hasText: 'at least two classes'}).waitFor();
      await page.getByRole('button', {name: 'Add a class'}).click();
      await page.getByRole('button', {name: 'Start'}).click();
      await alert.filter({hasText: 'Each class must have at least 4 pictures; class 1 has 0.'}).waitFor();
    });
  });

  it('inside: tells the window of a cell, its shift, and follows the arrow keys', async () => {
    await inChromium(pages, async (page, address) => {
      await page.goto(`${address}${FOLDER}/inside.html?backend=wasm`);
      await waitUntilItSays(page, /^Done/);
      const words = page.locator('#words');
      // The picture is 256x256, so that patches of 8 make a map of 32x32 cells, with 4x4 windows of 8x8.
      expect(await words.textContent()).to.match(
        /^Cell \(16, 16\) of 32x32 is in window 11 of 16, each of 8x8 cells\. .*not shifted\./,
      );
      await page.getByRole('button', {name: /^Map of cells/}).focus();
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowLeft');
      expect(await words.textContent()).to.match(/^Cell \(15, 15\) of 32x32 is in window 6 of 16/);

      await page.getByRole('combobox', {name: 'Block'}).selectOption({index: 1});
      await page.getByLabel('Row', {exact: true}).fill('31');
      await page.getByLabel('Column', {exact: true}).fill('31');
      // The last window of a shifted block joins the four corners of the map, of which a cell sees its own.
      const text = await words.textContent();
      expect(text).to.match(/^Cell \(31, 31\) of 32x32 is in window 16 of 16, .*shifted by 4x4 cells\./);
      expect(text).to.contain('48 cells of its window come from another side of the map');
      expect(await page.getByRole('combobox', {name: 'Head'}).locator('option').count()).to.equal(3);
    });
  });
});
