/**
 * The pages of examples/browser, built as `npm run pages` builds them, in a project of their own: with the package as npm
 * would install it, and with networks that a test made in the place of the shipped ones.
 */
import {cpSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {LayersModel} from '@tensorflow/tfjs-layers';
import type {Page} from 'playwright-core';
import {build} from 'vite';
import {saveModel} from '../../src/node/save_model.js';
import type {PretrainedName} from '../../src/pretrained_models.js';
import {filesIn, makeProject} from '../bundlers/project.js';
import type {ServedFile} from '../helpers/chromium.js';

const sources = fileURLToPath(new URL('../../examples/browser', import.meta.url));

/** The folder of the host that the pages are served from: they must work in any. */
export const FOLDER = '/some/folder';

/** The files of the built pages, by their path on the host. `networks` stand for those that the package ships. */
export async function builtPages(
  networks: Partial<Record<PretrainedName, LayersModel>>,
): Promise<Map<string, ServedFile>> {
  const project = makeProject({});
  try {
    const pages = join(project, 'pages');
    cpSync(sources, pages, {recursive: true, filter: (path) => path !== join(sources, 'dist')});
    for (const [name, model] of Object.entries(networks)) {
      const folder = join(project, 'node_modules/tfjs-swint/pretrained', name);
      rmSync(folder, {recursive: true});
      await saveModel(model, folder);
    }
    await build({
      root: pages,
      configFile: join(pages, 'vite.config.js'),
      logLevel: 'error',
    });
    return new Map([...filesIn(join(pages, 'dist'))].map(([path, file]) => [`${FOLDER}${path}`, file]));
  } finally {
    rmSync(project, {recursive: true, force: true});
  }
}

/** Waits until the page says what fits, and fails with the page's own words where it shows an error. */
export async function waitUntilItSays(page: Page, what: RegExp): Promise<string> {
  const status = page.getByRole('status').filter({hasText: what});
  const alert = page.getByRole('alert').filter({hasText: /\S/});
  await status.or(alert).first().waitFor({state: 'attached'});
  const error = await page.getByRole('alert').textContent();
  if (error) throw new Error(`the page must say ${what}; it shows the error: ${error}`);
  return (await status.textContent())!;
}
