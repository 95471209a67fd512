/**
 * A worker of a page: it takes every kind of picture, computes on threads where the page is isolated, works under a
 * Content-Security-Policy, leaves the page free while it trains, and nothing behind.
 */
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {expect} from 'chai';
import {build} from 'esbuild';
import type {Page} from 'playwright-core';
import type {BackendReport} from '../../src/backends/backend_report.js';
import {inChromium, isolation, needsChromium, pageOf, type ServedFile} from '../helpers/chromium.js';

const program = `
  import {DataError, openWorker} from './src/worker/index.ts';

  const ARGS = {depth: 14, inputShape: [3, 32, 32], numClasses: 3, seed: 1};
  const CLASSES = ['red', 'green', 'blue'];

  /** Noise with more of one colour, which is its class. */
  function images(count) {
    const labels = Array.from({length: count}, (_, i) => i % 3);
    const bytes = new Uint8Array(count * 32 * 32 * 3);
    let random = 7;
    for (let i = 0; i < bytes.length; i++) {
      random = (random * 16807) % 2147483647;
      const isBright = labels[Math.floor(i / 3072)] === i % 3;
      bytes[i] = (random % 120) + (isBright ? 130 : 0);
    }
    return {height: 32, width: 32, classNames: CLASSES, labels, images: bytes};
  }
  const failure = (promise) => promise.then(() => 'none', ({name, message}) => name + ': ' + message);

  globalThis.steps = {
    open: async (options) => {
      const worker = await openWorker({backend: 'wasm', ...options});
      await worker.terminate();
      return worker.backend;
    },
    failsToOpen: (options) => failure(openWorker(options)),

    /** Trains while the page draws; the long tasks of the page, and how the training went. */
    train: async () => {
      const worker = await openWorker({backend: 'wasm'});
      const model = await worker.build('swinResNet', ARGS);
      const long = [];
      const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({duration}) => duration)));
      observer.observe({type: 'longtask'});
      let frames = 0;
      let running = true;
      const frame = () => {
        frames++;
        if (running) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
      let steps = 0;
      const data = {train: images(192), test: images(48)};
      const history = await model.train(data, {
        epochs: 3, batchSize: 16, learningRate: 0.01, transfer: true, onBatch: () => { steps++; },
      });
      running = false;
      const during = [...long, ...observer.takeRecords().map(({duration}) => duration)];
      // What the observer would have seen, had the page computed itself.
      const start = performance.now();
      while (performance.now() - start < 150);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const afterwards = [...long, ...observer.takeRecords().map(({duration}) => duration)];
      observer.disconnect();
      await worker.terminate();
      return {
        during, afterwards, frames, steps, accuracy: history.evaluation.accuracy, left: data.train.images.length,
        threads: worker.backend.threads,
      };
    },

    /** The classes of one picture in all its forms, and what became of those that were handed over. */
    pictures: async () => {
      const worker = await openWorker({backend: 'wasm', threads: 1});
      const model = await worker.build('swinResNet', ARGS);
      const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 32});
      const {images: rgb} = images(1);
      const data = new ImageData(32, 32);
      for (let i = 0; i < 32 * 32; i++) data.data.set([...rgb.subarray(3 * i, 3 * i + 3), 255], 4 * i);
      canvas.getContext('2d').putImageData(data, 0, 0);
      const offscreen = new OffscreenCanvas(32, 32);
      offscreen.getContext('2d').putImageData(data, 0, 0);
      const img = new Image();
      const unloaded = await failure(model.classify(new Image()));
      img.src = canvas.toDataURL('image/png');
      await img.decode();
      const given = {
        canvas, offscreen, img, data,
        blob: await offscreen.convertToBlob(),
        bitmap: await createImageBitmap(data),
        frame: new VideoFrame(canvas, {timestamp: 0}),
        tensor: {shape: [32, 32, 3], data: async () => Float32Array.from(rgb)},
        bytes: {data: rgb, width: 32, height: 32},
      };
      const options = {imageSize: 32, topK: 3, cropFraction: 1};
      const found = {};
      const probabilities = async (picture, more) =>
        (await model.classify(picture, {...options, ...more})).sort((a, b) => a.index - b.index).map((p) => p.probability);
      for (const [name, picture] of Object.entries(given)) found[name] = await probabilities(picture);
      const kept = [given.bitmap.width, given.data.data.length, given.frame.format !== null];
      for (const name of ['bitmap', 'data', 'frame']) {
        found[name + ' handed over'] = await probabilities(given[name], {transfer: true});
      }
      const gone = [given.bitmap.width, given.data.data.length, given.frame.format !== null];
      const damaged = await failure(model.classify(new Blob(['no image'])));
      const element = await failure(model.classify(document.createElement('p')));
      const isOurs = await model.classify(document.createElement('p')).catch((error) => error instanceof DataError);
      await worker.terminate();
      return {found, kept, gone, unloaded, damaged, element, isOurs};
    },

    /** Opens and closes workers that have computed; addresses of blobs that are left. */
    openAndClose: async (times) => {
      let addresses = 0;
      const {createObjectURL, revokeObjectURL} = URL;
      URL.createObjectURL = (...args) => (addresses++, createObjectURL(...args));
      URL.revokeObjectURL = (...args) => (addresses--, revokeObjectURL(...args));
      for (let i = 0; i < times; i++) {
        const worker = await openWorker({backend: 'wasm', threads: 1});
        await worker.build('swinResNet', {...ARGS, widths: [4, 4, 8]});
        await worker.terminate();
      }
      return addresses;
    },
  };`;

interface Steps {
  open(options?: object): Promise<BackendReport>;
  failsToOpen(options: object): Promise<string>;
  train(): Promise<{
    during: number[];
    afterwards: number[];
    frames: number;
    steps: number;
    accuracy: number;
    left: number;
    threads: number;
  }>;
  pictures(): Promise<{
    found: Record<string, number[]>;
    kept: unknown[];
    gone: unknown[];
    unloaded: string;
    damaged: string;
    element: string;
    isOurs: boolean;
  }>;
  openAndClose(times: number): Promise<number>;
}

describe('a worker of a page in headless Chromium', () => {
  let files: Map<string, ServedFile>;

  before(async function () {
    needsChromium(this);
    files = await pageOf(program);
    const {outputFiles} = await build({
      // Without the notes on side effects, for those of package.json name files of dist only.
      ...{entryPoints: ['src/worker/worker_main.ts'], bundle: true, ignoreAnnotations: true, write: false},
      ...{platform: 'browser', format: 'esm', target: 'es2022'},
    });
    files.set('/worker_main.js', {type: 'text/javascript', body: outputFiles[0]!.contents});
    const file = 'tfjs-backend-wasm-simd.wasm';
    const body = readFileSync(
      createRequire(import.meta.url).resolve(`@tensorflow/tfjs-backend-wasm/dist/${file}`),
    );
    for (const path of [`/${file}`, `/elsewhere/${file}`]) files.set(path, {type: 'application/wasm', body});
  });

  /** Opens the page and lets `use` call its steps. */
  const inPage = <T>(use: (page: Page) => Promise<T>, headers?: Record<string, string>) =>
    inChromium(
      files,
      async (page, address) => {
        await page.goto(address, {waitUntil: 'load'});
        return use(page);
      },
      headers,
    );

  it('trains on threads, while the page has no long task', async () => {
    const result = await inPage(
      (page) => page.evaluate(() => (globalThis as unknown as {steps: Steps}).steps.train()),
      isolation,
    );
    expect(result.steps).to.equal(36);
    expect(result.accuracy).to.be.above(0.9);
    expect(result.left, 'the images were handed over').to.equal(0);
    expect(result.frames).to.be.above(10);
    expect(result.during.filter((duration) => duration > 100)).to.deep.equal([]);
    expect(Math.max(...result.afterwards), 'the observer sees long tasks').to.be.above(100);
  });

  it('computes on all cores where the page is isolated, else on one', async () => {
    const open = (page: Page) =>
      page.evaluate(async () => {
        const {steps} = globalThis as unknown as {steps: Steps};
        return {report: await steps.open(), cores: navigator.hardwareConcurrency};
      });
    const isolated = await inPage(open, isolation);
    expect(isolated.report).to.include({backend: 'wasm', threads: isolated.cores});
    const plain = await inPage(open);
    expect(plain.report).to.include({backend: 'wasm', threads: 1});
  });

  it('takes every kind of picture, as a copy or handed over', async () => {
    const {found, kept, gone, ...errors} = await inPage((page) =>
      page.evaluate(() => (globalThis as unknown as {steps: Steps}).steps.pictures()),
    );
    const {data: expected, ...others} = found;
    expect(Object.keys(others)).to.have.length(11);
    for (const [name, probabilities] of Object.entries(others)) {
      for (const [k, probability] of probabilities.entries()) {
        expect(probability, name).to.be.closeTo(expected![k]!, 0.01);
      }
    }
    expect(kept).to.deep.equal([32, 4096, true]);
    expect(gone).to.deep.equal([0, 0, false]);
    expect(errors.unloaded).to.match(/^DataError: classify: a picture must be loaded/);
    expect(errors.damaged).to.match(/^DataError: classify: the file must be an image/);
    expect(errors.element).to.match(
      /what a canvas can draw; got an object of the class HTMLParagraphElement/,
    );
    expect(errors.isOurs).to.equal(true);
  });

  it("works under a Content-Security-Policy with 'wasm-unsafe-eval' and nothing else", async () => {
    const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
    const report = await inPage(
      (page) => page.evaluate(() => (globalThis as unknown as {steps: Steps}).steps.open({threads: 1})),
      {'content-security-policy': policy},
    );
    expect(report).to.include({backend: 'wasm', threads: 1});
  });

  it('says what is missing where it does not start', async () => {
    const failures = await inPage((page) =>
      page.evaluate(async () => {
        const {steps} = globalThis as unknown as {steps: Steps};
        const told = await steps.open({wasmPaths: 'elsewhere/'});
        return {
          told: told.backend,
          script: await steps.failsToOpen({url: '/nowhere.js'}),
          backend: await steps.failsToOpen({backend: 'webgpu'}),
          option: await steps.failsToOpen({bakend: 'wasm'}),
        };
      }),
    );
    expect(failures.told).to.equal('wasm');
    expect(failures.script).to.match(/^BackendError: openWorker: .*tfjs-swint\/worker\/main/);
    expect(failures.backend).to.match(/^BackendError: webgpu/);
    expect(failures.option).to.match(/^ConfigError: openWorker: .*try backend/);
  });

  it('leaves nothing behind after fifty', async () => {
    const {addresses, workers, listeners} = await inPage(async (page) => {
      const session = await page.context().newCDPSession(page);
      const counted = async () => {
        await session.send('HeapProfiler.collectGarbage');
        return (await session.send('Memory.getDOMCounters')).jsEventListeners;
      };
      const run = (times: number) =>
        page.evaluate((n) => (globalThis as unknown as {steps: Steps}).steps.openAndClose(n), times);
      await run(2);
      const before = await counted();
      const addresses = await run(50);
      const listeners = (await counted()) - before;
      // The browser tells of the end of a worker some time after it.
      while (page.workers().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      return {addresses, workers: page.workers().length, listeners};
    });
    expect({addresses, workers, listeners}).to.deep.equal({addresses: 0, workers: 0, listeners: 0});
  });
});
