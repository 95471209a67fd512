/**
 * The README's first program, as it stands there, in headless Chromium: from Vite's development server, which a newcomer
 * starts before any build, and bundled by webpack without any configuration, not even a mode.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {expect} from 'chai';
import {createServer} from 'vite';
import {inChromium, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {filesIn, html, makeProject} from './project.js';

const {resolve} = createRequire(import.meta.url);

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

/** The first block of JavaScript of the README, and what became of it. */
const snippet = `${/```js\n(.*?)```/s.exec(readme)![1]}
  globalThis.finished = {
    backend: tf.getBackend(),
    shape: model.outputs[0].shape,
    sum: (await model.predict(tf.ones([1, 64, 64, 3])).data()).reduce((a, b) => a + b),
  };`;

const WASM = '@tensorflow/tfjs-backend-wasm';
const importing = `import '${WASM}';\n${snippet}`;
/** Says where the file is if the address ends in #told. */
const telling = `import {setWasmPaths} from '${WASM}'; if (location.hash === '#told') setWasmPaths('/');\n${snippet}`;

interface Finished {
  backend: string;
  shape: (number | null)[];
  sum: number;
}

/** Opens a page, and returns what the program found and the warnings of setupBackend. */
async function open(files: ReadonlyMap<string, ServedFile>, path: string, at?: string) {
  const warnings: string[] = [];
  const finished = await inChromium(files, async (page, address) => {
    page.on('console', (message) => {
      if (message.text().startsWith('setupBackend')) warnings.push(message.text());
    });
    const failed = new Promise<never>((_, reject) => {
      page.on('pageerror', reject);
      page.on('response', (response) => {
        if (response.status() >= 500) reject(new Error(`status ${response.status()} from ${response.url()}`));
      });
    });
    await page.goto(`${at ?? address}${path}`);
    const handle = page.waitForFunction(() => (globalThis as unknown as {finished?: Finished}).finished);
    handle.catch(() => undefined); // The page may be closed meanwhile.
    return (await (await Promise.race([handle, failed])).jsonValue())!;
  });
  expect(finished.shape).to.deep.equal([null, 10]);
  expect(finished.sum).to.be.closeTo(1, 1e-4);
  return {backend: finished.backend, warnings};
}

describe("the README's first program", () => {
  before(function () {
    needsChromium(this);
  });

  describe("from Vite's development server", () => {
    let project: string;
    let server: Awaited<ReturnType<typeof createServer>>;
    let address: string;

    before(async () => {
      project = makeProject({plain: snippet, wasm: importing}, {copied: [WASM]});
      server = await createServer({
        root: project,
        configFile: false,
        logLevel: 'silent',
        server: {host: '127.0.0.1', port: 0},
      });
      await server.listen();
      [address] = server.resolvedUrls!.local;
    });

    after(async () => {
      await server?.close();
      if (project) rmSync(project, {recursive: true, force: true});
    });

    it('runs as it stands', async () => {
      expect((await open(new Map(), 'plain.html', address)).backend).to.be.oneOf(['webgl', 'cpu']);
    });

    it('runs on wasm where its package is imported, whose file Vite serves', async () => {
      expect(await open(new Map(), 'wasm.html', address)).to.deep.equal({backend: 'wasm', warnings: []});
    });
  });

  describe('bundled by webpack without configuration', () => {
    let project: string;

    before(() => {
      project = makeProject({});
      mkdirSync(join(project, 'src'));
    });

    after(() => {
      if (project) rmSync(project, {recursive: true, force: true});
    });

    /** What a server has of a project whose `src/index.js` is this program. */
    function bundled(program: string): Map<string, ServedFile> {
      writeFileSync(join(project, 'src/index.js'), program);
      const {stdout, stderr} = spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import webpack from ${JSON.stringify(pathToFileURL(resolve('webpack')).href)};
           webpack({}, (error, stats) => console.log(error ?? stats.toString({all: false, errors: true})));`,
        ],
        {cwd: project, encoding: 'utf8'},
      );
      expect([stdout.trim(), stderr]).to.deep.equal(['', '']);
      const page = {type: 'text/html', body: html(['./main.js'], 'text/javascript')};
      return filesIn(join(project, 'dist')).set('/', page);
    }

    it('runs as it stands', async () => {
      expect((await open(bundled(snippet), '/')).backend).to.be.oneOf(['webgl', 'cpu']);
    });

    it('says how to serve the file of wasm, and runs on wasm then', async () => {
      const files = bundled(telling);
      const {warnings} = await open(files, '/');
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.contain(`cp node_modules/${WASM}/dist/*.wasm`).and.contain("setWasmPaths('/')");
      const file = 'tfjs-backend-wasm-simd.wasm';
      files.set(`/${file}`, {
        type: 'application/wasm',
        body: readFileSync(resolve(`${WASM}/dist/${file}`)),
      });
      expect(await open(files, '/#told')).to.deep.equal({backend: 'wasm', warnings: []});
    });
  });
});
