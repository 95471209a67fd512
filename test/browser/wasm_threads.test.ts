/**
 * The kernels of the wasm backend in a page: on worker threads where it is cross-origin isolated, so that tfjs runs its
 * build with threads on a shared heap; on one thread where it is not; and where the page may start no workers.
 */

import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {expect} from 'chai';
import {inChromium, isolation, needsChromium, pageOf, type ServedFile} from '../helpers/chromium.js';

/** Steps that the tests call from outside; each returns what it found. */
const program = `
  import * as tf from '@tensorflow/tfjs';
  import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
  import {backendReport, setupBackend} from './src/index.ts';
  import {product, threadsAtWork, workers, workersReady} from './test/helpers/wasm_product.ts';

  setWasmPaths('/');
  const factors = () => [
    tf.randomUniform([1024, 256], -1, 1, 'float32', 1), tf.randomUniform([256, 61], -1, 1, 'float32', 2)];

  globalThis.steps = {
    setup: async (threads) => {
      const error = await setupBackend('wasm', {threads}).then(() => undefined, ({name, message}) => name + ': ' + message);
      return error ?? backendReport();
    },
    /** The largest difference from cpu, before and after the workers have started; and who computed. */
    compute: async (threads) => {
      const [a, b] = factors();
      const products = [product(a, b)];
      await workersReady(threads - 1);
      let atWork = [];
      for (let call = 0; call < 500 && !(atWork.length === threads && atWork.every(Boolean)); call++) {
        atWork = threadsAtWork(() => product(a, b).dispose());
      }
      products.push(product(a, b));
      const values = await Promise.all(products.map((y) => y.data()));
      await tf.setBackend('cpu');
      const expected = await tf.matMul(...factors()).data();
      await tf.setBackend('wasm');
      const differences = values.map((y) => Math.max(...y.map((value, i) => Math.abs(value - expected[i]))));
      return {close: differences.every((d) => d < 1e-4), threads: atWork.filter(Boolean).length, workers: workers().length};
    },
    /** What calls say from here on when the page may start no workers. */
    forbidWorkers: async () => {
      const policy = document.createElement('meta');
      policy.httpEquiv = 'Content-Security-Policy';
      policy.content = "worker-src 'none'";
      document.head.append(policy);
      const [a, b] = factors();
      // The browser tells of it some time after the call that would start them.
      for (let call = 0; call < 1000; call++) {
        try {
          product(a, b).dispose();
        } catch ({name, message}) {
          return name + ': ' + message;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return 'no error';
    },
  };`;

interface Report {
  backend: string;
  device: string;
  threads: number;
  threadsReason?: string;
  simd: string;
}

interface Steps {
  setup(threads?: number): Promise<Report | string>;
  compute(threads: number): Promise<{close: boolean; threads: number; workers: number}>;
  forbidWorkers(): Promise<string>;
}

describe('wasm threads in headless Chromium', () => {
  let files: Map<string, ServedFile>;

  before(async function () {
    needsChromium(this);
    files = await pageOf(program);
    const dist = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
    for (const name of ['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm']) {
      files.set(`/${name}`, {type: 'application/wasm', body: readFileSync(join(dist, name))});
    }
  });

  it('an isolated page computes on two threads, and again after it is reloaded', async () => {
    const rounds = await inChromium(
      files,
      async (page, address) => {
        const rounds = [];
        await page.goto(address, {waitUntil: 'load'});
        for (let round = 0; round < 2; round++) {
          rounds.push(
            await page.evaluate(async () => {
              const {steps} = globalThis as unknown as {steps: Steps};
              return {report: (await steps.setup(2)) as Report, result: await steps.compute(2)};
            }),
          );
          await page.reload({waitUntil: 'load'});
        }
        return rounds;
      },
      isolation,
    );
    for (const {report, result} of rounds) {
      expect(report).to.include({backend: 'wasm', threads: 2}).and.to.not.have.property('threadsReason');
      expect(result).to.deep.equal({close: true, threads: 2, workers: 1});
    }
  });

  it('a page that is not isolated computes on one thread, says why, and refuses two', async () => {
    const {one, result, two} = await inChromium(files, async (page, address) => {
      await page.goto(address, {waitUntil: 'load'});
      return page.evaluate(async () => {
        const {steps} = globalThis as unknown as {steps: Steps};
        const one = (await steps.setup()) as Report;
        return {one, result: await steps.compute(1), two: await steps.setup(2)};
      });
    });
    expect(one).to.include({backend: 'wasm', threads: 1});
    expect(result).to.deep.equal({close: true, threads: 1, workers: 0});
    expect(two).to.match(/^BackendError: .*Cross-Origin-Opener-Policy: same-origin/);
  });

  it('a page that may start no workers gets a BackendError that names the way out, which works', async () => {
    const {report, error, one, result} = await inChromium(
      files,
      async (page, address) => {
        await page.goto(address, {waitUntil: 'load'});
        return page.evaluate(async () => {
          const {steps} = globalThis as unknown as {steps: Steps};
          const report = await steps.setup(2);
          const error = await steps.forbidWorkers();
          const one = await steps.setup(1);
          return {report, error, one, result: await steps.compute(1)};
        });
      },
      isolation,
    );
    expect(report).to.include({threads: 2});
    expect(error).to.match(/^BackendError: wasm: the worker threads must start .*threads: 1/);
    expect(one).to.include({threads: 1});
    expect(result).to.deep.equal({close: true, threads: 1, workers: 0});
  });
});
