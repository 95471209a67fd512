/**
 * Takes the pictures of the pages that the README shows, into examples/browser/screenshots: `npm run pages` first, then
 *
 *     npm run pages:screenshots
 *
 * With --all FOLDER it takes every page instead, light, dark and on a phone, to look at.
 */
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import type {Page} from 'playwright-core';
import {filesIn} from '../bundlers/project.js';
import {inChromium, isolation} from '../helpers/chromium.js';
import {closeLeftOvers} from '../helpers/opened.js';
import {waitUntilItSays} from './pages.js';

const pages = fileURLToPath(new URL('../../examples/browser', import.meta.url));

/** What is done on a page before its picture is taken. */
const SCENES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  async index() {},
  async classify(page) {
    await waitUntilItSays(page, /^Ready/);
    await page.getByRole('button', {name: 'A ship'}).click();
    await page.getByLabel('Strength').waitFor();
  },
  async segment(page) {
    await waitUntilItSays(page, /^Ready/);
    await page.getByRole('button', {name: 'Draw a section'}).click();
    await waitUntilItSays(page, /^Done/);
  },
  async inside(page) {
    await waitUntilItSays(page, /^Done/);
    await page.getByRole('combobox', {name: 'Block'}).selectOption({index: 1});
    await page.getByLabel('Row', {exact: true}).fill('13');
  },
  async train(page) {
    await waitUntilItSays(page, /^Ready/);
    await page.getByRole('button', {name: 'Draw three classes'}).click();
    await page.getByLabel('both, one after the other').check();
    await page.getByLabel('Epochs', {exact: true}).fill('6');
    await page.getByRole('button', {name: 'Start'}).click();
    await waitUntilItSays(page, /^The training has ended/);
  },
};

interface Look {
  width: number;
  height: number;
  colorScheme: 'light' | 'dark';
  fullPage: boolean;
}

const DESK: Look = {width: 1100, height: 760, colorScheme: 'light', fullPage: false};
const LOOKS: Readonly<Record<string, Look>> = {
  light: {...DESK, fullPage: true},
  dark: {...DESK, colorScheme: 'dark', fullPage: true},
  phone: {width: 390, height: 844, colorScheme: 'light', fullPage: true},
};

/** The pages that the README shows. */
const README: Readonly<Record<string, Look>> = {
  classify: DESK,
  train: {...DESK, height: 1000},
  inside: {...DESK, colorScheme: 'dark'},
};

/** Takes the pictures of one page, by the name of each. */
async function take(name: string, folder: string, looks: Readonly<Record<string, Look>>): Promise<void> {
  await inChromium(
    filesIn(join(pages, 'dist')),
    async (page, address) => {
      await page.goto(`${address}/${name}.html?backend=wasm`);
      await SCENES[name]!(page);
      for (const [file, {width, height, colorScheme, fullPage}] of Object.entries(looks)) {
        await page.setViewportSize({width, height});
        await page.emulateMedia({colorScheme});
        await page.screenshot({path: join(folder, `${file}.jpg`), fullPage, type: 'jpeg', quality: 80});
      }
    },
    isolation,
  );
}

const {values} = parseArgs({options: {all: {type: 'string'}, only: {type: 'string'}}});
const names = values.only?.split(',') ?? Object.keys(values.all ? SCENES : README);
const folder = values.all ?? join(pages, 'screenshots');
mkdirSync(folder, {recursive: true});
try {
  for (const name of names) {
    const named = (look: string) => (values.all ? `${name}-${look}` : name);
    const looks = values.all ? LOOKS : {desk: README[name]!};
    await take(
      name,
      folder,
      Object.fromEntries(Object.entries(looks).map(([look, settings]) => [named(look), settings])),
    );
  }
} finally {
  await closeLeftOvers('run');
}
