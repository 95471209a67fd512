/**
 * The files of dist/browser in a page without a bundler, from a server that sends no headers of its own: what a script tag
 * brings from a CDN.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import {build} from 'esbuild';
import {PNG} from 'pngjs';
import {inChromium, isolation, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {filesIn} from './project.js';
import {ALL, browserFiles, expectLearned, OURS, smallTraining, trainIn} from './small_training.js';
import {STAND_IN, writeStandIn} from './stand_in.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Where the library alone is, on a server of `browserFiles`. */
const ALONE = '/package/dist/browser/tfjs-swint.esm.min.js';

const page = (head: string, program: string): ServedFile => ({
  type: 'text/html',
  body: `<!doctype html><head>${head}</head><body><script type="module">${program}</script></body>`,
});

describe('a script tag', () => {
  before(function () {
    needsChromium(this);
  });

  describe('that imports the file with everything inside', () => {
    let files: Map<string, ServedFile>;

    before(() => {
      const imports = `import {tf, ${OURS}} from '${ALL}';`;
      files = browserFiles().set('/', page('', smallTraining(imports)));
    });

    for (const backend of ['wasm', 'webgpu']) {
      it(`trains and classifies on ${backend}, and asks for no other file`, async () => {
        const found = await trainIn(files, [backend]);
        expectLearned(found, backend);
        expect(found.threads).to.equal(1);
        expect(found.requests).to.deep.equal(['/', ALL]);
      });
    }

    it('tells why there is one thread, and has two where the page is isolated', async () => {
      const {threadsReason} = await trainIn(files, ['wasm', {threads: 1}]);
      expect(threadsReason).to.equal(undefined);
      const {error} = await trainIn(files, ['wasm', {threads: 2}]);
      expect(error).to.match(/^BackendError: .*Cross-Origin-Opener-Policy: same-origin/);
      const found = await trainIn(files, ['wasm', {threads: 2}], isolation);
      expectLearned(found, 'wasm');
      expect(found).to.include({threads: 2, threadsReason: undefined});
    });
  });

  it('that imports this library alone takes tfjs from the import map', async () => {
    // As CDNs make modules of npm's packages: what they have in common is in files of its own.
    const {outputFiles} = await build({
      absWorkingDir: root,
      entryPoints: {
        core: '@tensorflow/tfjs-core',
        layers: '@tensorflow/tfjs-layers',
        tfjs: '@tensorflow/tfjs',
        wasm: '@tensorflow/tfjs-backend-wasm',
      },
      outdir: '/modules',
      bundle: true,
      splitting: true,
      format: 'esm',
      write: false,
      logLevel: 'silent',
    });
    const imports = {
      '@tensorflow/tfjs': '/modules/tfjs.js',
      '@tensorflow/tfjs-core': '/modules/core.js',
      '@tensorflow/tfjs-layers': '/modules/layers.js',
    };
    const program = smallTraining(`
      import * as tf from '@tensorflow/tfjs';
      import {setWasmPaths} from '/modules/wasm.js';
      import {${OURS}} from '${ALONE}';
      setWasmPaths('/wasm/');`);
    const map = `<script type="importmap">${JSON.stringify({imports})}</script>`;
    const files = browserFiles().set('/', page(map, program));
    for (const {path, contents} of outputFiles) files.set(path, {type: 'text/javascript', body: contents});
    const binary = 'tfjs-backend-wasm-simd.wasm';
    files.set(`/wasm/${binary}`, {
      type: 'application/wasm',
      body: readFileSync(join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist', binary)),
    });
    const found = await trainIn(files, ['wasm']);
    expectLearned(found, 'wasm');
  });

  it('that stands in the README classifies a picture by a network of the package', async () => {
    const networks = mkdtempSync(join(tmpdir(), 'swint-script-tag-'));
    try {
      const picture = new PNG({width: 20, height: 10});
      picture.data.forEach((_, i) => {
        picture.data[i] = i % 4 === 3 ? 255 : (i * 7) % 256;
      });
      const [best] = await writeStandIn(networks, picture);
      const snippet = /```html\n(.*?)```/s.exec(read('README.md'))![1];
      const cdn = /https:\/\/cdn\.jsdelivr\.net\/npm\/tfjs-swint@([\d.]+)\//.exec(snippet)!;
      expect(JSON.parse(read('package.json')).version).to.match(new RegExp(`^${cdn[1]}\\.`));
      const files = browserFiles()
        .set('/', {
          type: 'text/html',
          body: `<!doctype html><body>${snippet.replace(cdn[0], '/package/')}</body>`,
        })
        .set('/cat.jpg', {type: 'image/png', body: PNG.sync.write(picture)});
      for (const [path, file] of filesIn(networks)) files.set(`/package/pretrained${path}`, file);
      const {text, requests} = await inChromium(files, async (tab, address) => {
        const requests: string[] = [];
        tab.on('request', (request) => requests.push(request.url().replace(address, '')));
        await tab.goto(address, {waitUntil: 'load'});
        const shown = await tab.waitForFunction(
          () => document.body.innerText.includes('%') && document.body.innerText,
        );
        return {text: String(await shown.jsonValue()).trim(), requests};
      });
      expect(text).to.equal(`${best!.label}, ${(100 * best!.probability).toFixed(1)} %`);
      const folder = `/package/pretrained/${STAND_IN}`;
      expect(requests.filter((path) => path !== '/favicon.ico')).to.have.members([
        '/',
        '/cat.jpg',
        ALL,
        `${folder}/model.json`,
        `${folder}/weights.bin`,
      ]);
    } finally {
      rmSync(networks, {recursive: true, force: true});
    }
  });

  it('without a path gets the file with everything inside', () => {
    const {jsdelivr, unpkg, files} = JSON.parse(read('package.json'));
    for (const path of [jsdelivr, unpkg]) expect(path.replace('.', '/package')).to.equal(ALL);
    expect(files).to.include('dist');
  });
});
