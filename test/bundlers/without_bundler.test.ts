/**
 * The built package where nothing bundles it: in Node under flags that take something away, by `require`, and in a page
 * with an import map.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {spawnSync} from 'node:child_process';
import {existsSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import {build} from 'esbuild';
import {inChromium, needsChromium} from '../helpers/chromium.js';
import {filesIn, makeProject} from './project.js';

describe('the built package', () => {
  let project: string;

  before(() => {
    project = makeProject({});
  });

  after(() => rmSync(project, {recursive: true, force: true}));

  /** What a program prints as its last line, in a Node with these flags. */
  function inNode(flags: readonly string[], name: string, program: string) {
    writeFileSync(join(project, name), program);
    const env = {...process.env, NODE_OPTIONS: '', VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none'};
    const {stdout, stderr} = spawnSync(process.execPath, [...flags, join(project, name)], {
      cwd: project,
      env,
      encoding: 'utf8',
      timeout: 300_000,
    });
    const line = stdout.trim().split('\n').at(-1)!;
    return {answer: line.startsWith('{') ? JSON.parse(line) : line, stderr};
  }

  it('goes on to what works in a Node without WebAssembly, and says why when wasm is named', () => {
    const {answer, stderr} = inNode(
      ['--jitless'],
      'jitless.js',
      `import '@tensorflow/tfjs';
       import {setupBackend} from 'tfjs-swint';
       const backend = await setupBackend();
       const {name, message} = await setupBackend('wasm').catch((error) => error);
       console.log(JSON.stringify({backend, error: name + ': ' + message}));`,
    );
    // Native TensorFlow needs no WebAssembly either, where it is installed.
    const native = existsSync(join(project, 'node_modules/@tensorflow/tfjs-node'));
    expect(answer.backend, stderr).to.equal(native ? 'tensorflow' : 'cpu');
    expect(answer.error).to.match(/^BackendError: wasm: the engine must have WebAssembly/);
  });

  it('computes on one thread where Node allows no workers, and refuses two', () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const {answer, stderr} = inNode(
      [flag, '--allow-fs-read=*', '--allow-addons'],
      'permission.js',
      `import * as tf from '@tensorflow/tfjs';
       import {backendReport, setupBackend, swinT} from 'tfjs-swint';
       const {name, message} = await setupBackend('wasm', {threads: 2}).catch((error) => error);
       await setupBackend('wasm');
       const layer = swinT({numHeads: 2, windowSize: 7});
       for (let i = 0; i < 3; i++) tf.tidy(() => layer.apply(tf.ones([1, 96, 56, 56])).dataSync());
       const {threads, threadsReason} = backendReport();
       console.log(JSON.stringify({threads, threadsReason, error: name + ': ' + message}));`,
    );
    expect(answer.threads, stderr).to.equal(1);
    expect(answer.threadsReason).to.contain('--allow-worker');
    expect(answer.error).to.match(/^BackendError: wasm: threads must be 1 .*--allow-worker/);
  });

  for (const entry of ['tfjs-swint', 'tfjs-swint/node']) {
    // Node 20.19 and newer require modules that wait for nothing as they load.
    it(`is there for require('${entry}')`, () => {
      const program = `console.log(JSON.stringify({count: Object.keys(require('${entry}')).length}));`;
      const {answer, stderr} = inNode([], 'required.cjs', program);
      expect(answer.count, stderr).to.be.greaterThan(10);
    });
  }

  it('computes in a page with an import map', async function () {
    needsChromium(this);
    const modules = join(project, 'modules');
    await build({
      absWorkingDir: project,
      entryPoints: {
        core: '@tensorflow/tfjs-core',
        layers: '@tensorflow/tfjs-layers',
        tfjs: '@tensorflow/tfjs',
      },
      outdir: modules,
      bundle: true,
      splitting: true,
      format: 'esm',
      logLevel: 'silent',
    });
    const imports = {
      '@tensorflow/tfjs': './tfjs.js',
      '@tensorflow/tfjs-core': './core.js',
      '@tensorflow/tfjs-layers': './layers.js',
      'tfjs-swint': './dist/src/index.js',
    };
    const program = `
      import * as tf from '@tensorflow/tfjs';
      import {setupBackend, shapesSplit, swinT} from 'tfjs-swint';
      globalThis.finished = (async () => {
        await setupBackend('cpu');
        const y = swinT({numHeads: 2, windowSize: 4}).apply(tf.ones([1, 8, 8, 8]));
        return {shape: y.shape};
      })();`;
    const body = `<!doctype html><head><script type="importmap">${JSON.stringify({imports})}</script></head>
      <script type="module">${program}</script>`;
    const ours = [...filesIn(join(project, 'node_modules/tfjs-swint/dist'))];
    const files = new Map([
      ...filesIn(modules),
      ...ours.map(([path, file]) => [`/dist${path}`, file] as const),
      ['/', {type: 'text/html', body}] as const,
    ]);
    const result = await inChromium(files, async (page, address) => {
      await page.goto(address, {waitUntil: 'load'});
      return page.evaluate(() => (globalThis as unknown as {finished: Promise<unknown>}).finished);
    });
    expect(result).to.deep.equal({shape: [1, 8, 8, 8]});
  });
});
