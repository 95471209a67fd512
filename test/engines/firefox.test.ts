/**
 * This library in Firefox: forward and all gradients of a SwinT on wasm, with threads where the page is cross-origin
 * isolated and on one thread where it is not, and on webgl where Firefox has it; against cpu in the same page.
 */

import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {expect} from 'chai';
import {isolation, pageOf, type ServedFile} from '../helpers/chromium.js';
import {expectRelativeClose} from '../helpers/compare.js';
import {firefoxUnavailable, inFirefox} from './firefox.js';

const program = `
  import * as tf from '@tensorflow/tfjs';
  import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
  import {backendReport, setupBackend, swinT} from './src/index.ts';

  setWasmPaths('/');
  // tfjs refuses a software WebGL, which is the only one here.
  for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) {
    const {getContext} = canvas.prototype;
    canvas.prototype.getContext = function (type, attributes) {
      return getContext.call(this, type, {...attributes, failIfMajorPerformanceCaveat: false});
    };
  }

  globalThis.hasWebGL = document.createElement('canvas').getContext('webgl2') !== null;

  const values = (size, scale) => Float32Array.from({length: size}, (_, i) => scale * Math.sin(1.7 * i * i + 0.3));

  /** Output and gradients of a SwinT, by name. */
  async function compute() {
    const layer = swinT({numHeads: 4, windowSize: 7, outChannels: 32, downsample: true});
    const x = tf.tensor4d(values(2 * 16 * 28 * 28, 1), [2, 16, 28, 28]);
    const y = layer.apply(x);
    layer.setWeights(layer.getWeights().map((w) => tf.tensor(values(w.size, 0.3), w.shape)));
    const c = tf.tensor(values(y.size, 1), y.shape);
    const variables = layer.trainableWeights.map((weight) => weight.read());
    const {grads} = tf.variableGrads(() => tf.sum(tf.mul(layer.apply(x), c)), variables);
    const results = {output: Array.from(await layer.apply(x).data())};
    for (const [i, variable] of variables.entries()) {
      results[layer.trainableWeights[i].originalName.split('/').pop()] = Array.from(await grads[variable.name].data());
    }
    return results;
  }

  globalThis.on = async (backend, options) => {
    const error = await setupBackend(backend, options).then(() => undefined, ({name, message}) => name + ': ' + message);
    if (error) return {error};
    const results = await compute();
    const report = backendReport();
    await setupBackend('cpu');
    return {report, isolated: crossOriginIsolated, results, expected: await compute()};
  };`;

type Values = Record<string, number[]>;

interface Outcome {
  error?: string;
  report: {backend: string; threads: number; threadsReason?: string};
  isolated: boolean;
  results: Values;
  expected: Values;
}

function expectClose({error, results, expected}: Outcome): void {
  expect(error).to.equal(undefined);
  expect(Object.keys(results).length).to.be.greaterThan(20);
  for (const [name, values] of Object.entries(expected)) {
    expectRelativeClose(name, results[name]!, values, 1e-4, 1e-2);
  }
}

describe('headless Firefox', () => {
  let files: Map<string, ServedFile>;

  before(async function () {
    const reason = firefoxUnavailable();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    files = await pageOf(program);
    const dist = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
    for (const name of ['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm']) {
      files.set(`/${name}`, {type: 'application/wasm', body: readFileSync(join(dist, name))});
    }
  });

  it('computes on wasm with two threads in a page that is isolated', async () => {
    const outcome = await inFirefox<Outcome>(files, `on('wasm', {threads: 2})`, isolation);
    expectClose(outcome);
    expect(outcome.isolated).to.equal(true);
    expect(outcome.report)
      .to.include({backend: 'wasm', threads: 2})
      .and.to.not.have.property('threadsReason');
  });

  it('computes on wasm with one thread in a page that is not, and refuses two', async () => {
    const outcome = await inFirefox<Outcome>(files, `on('wasm')`);
    expectClose(outcome);
    expect(outcome.isolated).to.equal(false);
    expect(outcome.report).to.include({backend: 'wasm', threads: 1});
    const {error} = await inFirefox<Outcome>(files, `on('wasm', {threads: 2})`);
    expect(error).to.match(/^BackendError: .*Cross-Origin-Opener-Policy: same-origin/);
  });

  it('computes on webgl, or says that there is none', async function () {
    const [has, outcome] = await inFirefox<[boolean, Outcome]>(files, `Promise.all([hasWebGL, on('webgl')])`);
    if (!has) {
      expect(outcome.error).to.match(/^BackendError: webgl: the backend must start/);
      console.log('      skipped: this Firefox has no WebGL; without a display it finds no driver');
      this.skip();
    }
    expectClose(outcome);
    expect(outcome.report.backend).to.equal('webgl');
  });
});
