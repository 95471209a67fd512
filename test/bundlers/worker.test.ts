/**
 * A page that opens a worker, in production builds, run in headless Chromium: Vite and webpack find this library's script by
 * themselves; for Rollup and esbuild the application has a script of one line, bundles it too and gives its URL. And the
 * same from the installed package in Node.
 *
 * Works on `dist`, which `npm test` builds first.
 */
import {spawnSync} from 'node:child_process';
import {readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {expect} from 'chai';
import {createServer} from 'vite';
import {inChromium, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {bundlers} from './bundlers.js';
import {filesIn, makeProject} from './project.js';

const WASM = '@tensorflow/tfjs-backend-wasm';

const answering = `
  import {ConfigError, openWorker} from 'tfjs-swint/worker';
  globalThis.answer = async (options) => {
    const worker = await openWorker({backend: 'wasm', threads: 1, ...options});
    try {
      const model = await worker.build('swinResNet', {depth: 14, inputShape: [3, 16, 16], widths: [4, 4, 8], numClasses: 3});
      const gray = (count) => ({
        ...{height: 16, width: 16, classNames: ['a', 'b', 'c'], labels: Array.from({length: count}, (_, i) => i % 3)},
        images: new Uint8Array(count * 768).fill(90),
      });
      const {stopped} = await model.train({train: gray(6), test: gray(3)}, {epochs: 1, batchSize: 3});
      const labels = (await model.classify({width: 20, height: 10, data: new Uint8Array(600)})).map(({label}) => label);
      const error = await worker.build('swinResNet', {numClasses: 0}).catch((caught) => caught instanceof ConfigError);
      return {backend: worker.backend.backend, stopped, labels: labels.sort(), error};
    } finally {
      await worker.terminate();
    }
  };`;

/** The README's example, with what it takes for granted. */
const [, example] = /```js\n(import \{openWorker\}.*?)```/s.exec(
  readFileSync(new URL('../../README.md', import.meta.url), 'utf8'),
)!;
const fromReadme = `
  const canvas = document.body.appendChild(document.createElement('canvas'));
  canvas.getContext('2d').fillRect(0, 0, 50, 50);
  const gray = (count) => ({
    ...{height: 32, width: 32, classNames: ['a', 'b', 'c'], labels: Array.from({length: count}, (_, i) => i % 3)},
    images: new Uint8Array(count * 3072).fill(90),
  });
  const [train, test] = [gray(6), gray(3)];
  const controller = new AbortController();
  ${example}
  globalThis.finished = {stopped: history.stopped, label: best.label, bytes: parts.weightData.byteLength};`;

interface Finished {
  stopped: string;
  label: string;
  bytes: number;
}

const expected = {backend: 'wasm', stopped: 'finished', labels: ['a', 'b', 'c'], error: true};

describe('a worker, bundled', () => {
  let project: string;

  before(() => {
    project = makeProject(
      {answering, readme: fromReadme, script: "import 'tfjs-swint/worker/main';"},
      {copied: [WASM]},
    );
  });
  after(() => {
    if (project) rmSync(project, {recursive: true, force: true});
  });

  for (const [name, bundle] of Object.entries(bundlers)) {
    it(`by ${name}`, async function () {
      needsChromium(this);
      const follows = ['Vite', 'webpack'].includes(name);
      const out = join(project, name);
      await bundle(project, follows ? ['answering'] : ['answering', 'script'], out);
      const files = new Map<string, ServedFile>(filesIn(out));
      const file = 'tfjs-backend-wasm-simd.wasm';
      const body = readFileSync(createRequire(import.meta.url).resolve(`${WASM}/dist/${file}`));
      files.set(`/wasm/${file}`, {type: 'application/wasm', body});
      // Vite has put tfjs's file among its own.
      const options = {
        ...(name !== 'Vite' && {wasmPaths: '/wasm/'}),
        ...(!follows && {url: '/script.js'}),
      };
      const answer = await inChromium(files, async (page, address) => {
        await page.goto(`${address}/answering.html`, {waitUntil: 'load'});
        return page.evaluate(
          (given) => (globalThis as unknown as {answer(options: object): Promise<object>}).answer(given),
          options,
        );
      });
      expect(answer).to.deep.equal(expected);
    });
  }

  it("from Vite's development server, told to leave the package as it is", async function () {
    needsChromium(this);
    const server = await createServer({
      root: project,
      configFile: false,
      logLevel: 'silent',
      optimizeDeps: {
        exclude: ['tfjs-swint'],
        include: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm'],
      },
      server: {host: '127.0.0.1', port: 0},
    });
    try {
      await server.listen();
      const answer = await inChromium(new Map(), async (page) => {
        await page.goto(`${server.resolvedUrls!.local[0]}answering.html`, {waitUntil: 'load'});
        await page.waitForFunction(() => 'answer' in globalThis);
        return page.evaluate(() =>
          (globalThis as unknown as {answer(options: object): Promise<object>}).answer({}),
        );
      });
      expect(answer).to.deep.equal(expected);
    } finally {
      await server.close();
    }
  });

  it("the README's example runs as it stands", async function () {
    needsChromium(this);
    const out = join(project, 'readme');
    await bundlers.Vite!(project, ['readme'], out);
    const finished = await inChromium(filesIn(out), async (page, address) => {
      const failed = new Promise<never>((_, reject) => {
        page.on('pageerror', reject);
      });
      await page.goto(`${address}/readme.html`, {waitUntil: 'load'});
      const handle = page.waitForFunction(() => (globalThis as {finished?: Finished}).finished);
      handle.catch(() => undefined); // The page may be closed meanwhile.
      return (await Promise.race([handle, failed])).jsonValue();
    });
    expect(finished).to.include({stopped: 'finished'});
    expect(finished!.label).to.be.oneOf(['a', 'b', 'c']);
    expect(finished!.bytes).to.be.above(100_000);
  });

  it('in Node', () => {
    const {stdout, stderr} = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', `${answering}\nconsole.log(JSON.stringify(await answer({})));`],
      {cwd: project, encoding: 'utf8'},
    );
    expect(stdout, stderr).to.not.equal('');
    expect(JSON.parse(stdout)).to.deep.equal(expected);
  });
});
