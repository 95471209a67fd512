/**
 * The package in production builds, minified, of Vite, webpack, Rollup and esbuild, run in headless Chromium: every
 * class of ours is registered, also for a page that names none of them.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batchNormalization, swinT} from '../../layers/index.js';
import {inChromium, isolation, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {bundlers} from './bundlers.js';
import {filesIn, makeProject} from './project.js';

/** Pages that load a model in which layers of ours are, and use it. */
const programs = {
  load: `
    import * as tf from '@tensorflow/tfjs';
    import 'tfjs-swint';
    globalThis.finished = (async () => {
      await tf.setBackend('cpu');
      const model = await tf.loadLayersModel('/model.json');
      return {values: Array.from(await model.predict(tf.ones([1, 3, 8, 8])).data())};
    })();`,
  classify: `
    import * as tf from '@tensorflow/tfjs';
    import {classify, setupBackend} from 'tfjs-swint';
    globalThis.finished = (async () => {
      await setupBackend('cpu');
      const model = await tf.loadLayersModel('/model.json');
      const image = {width: 8, height: 8, data: new Uint8Array(8 * 8 * 3).fill(255)};
      const predictions = await classify(model, image, {imageSize: 8, mean: [0, 0, 0], std: [1, 1, 1]});
      predictions.sort((a, b) => a.index - b.index);
      return {values: predictions.map(({probability}) => probability)};
    })();`,
};

/** Pages that set up wasm, one that tells where its file is and one that does not, as the README's first lines. */
const onWasm = (paths: string) => `
  import * as tf from '@tensorflow/tfjs';
  ${paths}
  import {backendReport, setupBackend, swinT} from 'tfjs-swint';
  globalThis.setUp = async (options) => {
    try {
      await setupBackend('wasm', options);
    } catch ({name, message}) {
      return {error: name + ': ' + message};
    }
    const layer = swinT({numHeads: 2, windowSize: 4, inputShape: [8, 8, 8]});
    const values = await layer.apply(tf.ones([1, 8, 8, 8])).data();
    const {backend, threads, threadsReason = 'none'} = backendReport();
    return {backend, threads, threadsReason, finite: values.every(Number.isFinite)};
  };`;

const wasmPrograms = {
  wasm: onWasm("import '@tensorflow/tfjs-backend-wasm';"),
  paths: onWasm("import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm'; setWasmPaths('/wasm/');"),
};

/** The files of a small classifier, and what it gives for an image of ones. */
async function savedClassifier(): Promise<{files: Map<string, ServedFile>; values: number[]}> {
  await tf.setBackend('cpu');
  const model = tf.sequential({
    layers: [
      batchNormalization({axis: 1, inputShape: [3, 8, 8]}) as tf.layers.Layer,
      swinT({
        numHeads: 1,
        windowSize: 4,
        outChannels: 8,
        downsample: true,
        kernelInitializer: 'glorotNormal',
      }),
      tf.layers.flatten(),
      tf.layers.dense({units: 4, activation: 'softmax'}),
    ],
  });
  const files = new Map<string, ServedFile>();
  await model.save(
    tf.io.withSaveHandler(async ({modelTopology, weightSpecs, weightData}) => {
      const weightsManifest = [{paths: ['weights.bin'], weights: weightSpecs}];
      const body = JSON.stringify({modelTopology, weightsManifest});
      files.set('/model.json', {type: 'application/json', body});
      files.set('/weights.bin', {
        type: 'application/octet-stream',
        body: new Uint8Array(weightData as ArrayBuffer),
      });
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
  );
  const values = tf.tidy(() => Array.from((model.predict(tf.ones([1, 3, 8, 8])) as tf.Tensor).dataSync()));
  model.dispose();
  return {files, values};
}

/** tfjs's own .wasm files in a folder of the server. */
function wasmFiles(): Map<string, ServedFile> {
  const dist = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
  const names = ['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];
  return new Map(
    names.map((name) => [`/wasm/${name}`, {type: 'application/wasm', body: readFileSync(join(dist, name))}]),
  );
}

interface Answer {
  values: number[];
}

interface SetUp {
  error?: string;
  backend?: string;
  threads?: number;
  threadsReason?: string;
  finite?: boolean;
}

describe('bundled', () => {
  let project: string;
  let classifier: Awaited<ReturnType<typeof savedClassifier>>;

  before(async function () {
    needsChromium(this);
    classifier = await savedClassifier();
    project = makeProject({...programs, ...wasmPrograms});
  });

  after(() => {
    if (project) rmSync(project, {recursive: true, force: true});
  });

  for (const [name, bundle] of Object.entries(bundlers)) {
    describe(`by ${name}`, () => {
      let files: Map<string, ServedFile>;

      before(async () => {
        const out = join(project, name);
        await bundle(project, Object.keys({...programs, ...wasmPrograms}), out);
        files = new Map([...filesIn(out), ...classifier.files, ...wasmFiles()]);
      });

      const open = (page: keyof typeof programs) =>
        inChromium(files, async (tab, address) => {
          await tab.goto(`${address}/${page}.html`, {waitUntil: 'load'});
          return tab.evaluate(() => (globalThis as unknown as {finished: Promise<Answer>}).finished);
        });

      for (const [page, what] of [
        ['load', 'imports the package for its layers alone'],
        ['classify', 'imports other functions'],
      ] as const) {
        it(`a page that ${what} loads a model`, async () => {
          const {values} = await open(page);
          expect(values.length).to.equal(classifier.values.length);
          for (const [index, value] of values.entries()) {
            expect(value).to.be.closeTo(classifier.values[index]!, 1e-5);
          }
        });
      }

      const setUp = (page: keyof typeof wasmPrograms, options?: object) =>
        inChromium(
          files,
          async (tab, address) => {
            await tab.goto(`${address}/${page}.html`, {waitUntil: 'load'});
            return tab.evaluate(
              (given) => (globalThis as unknown as {setUp(given?: object): Promise<SetUp>}).setUp(given),
              options,
            );
          },
          isolation,
        );

      // A minifier breaks the workers of tfjs's build with threads, so that its start never ends.
      for (const threads of [1, 2]) {
        it(`a cross-origin isolated page computes on ${threads} thread(s) of wasm`, async () => {
          expect(await setUp('paths', {threads})).to.deep.equal({
            backend: 'wasm',
            threads,
            threadsReason: 'none',
            finite: true,
          });
        });
      }

      it("a cross-origin isolated page starts wasm with tfjs's own kernels", async () => {
        expect(await setUp('paths', {kernels: 'tfjs'})).to.include({
          backend: 'wasm',
          threads: 1,
          finite: true,
        });
      });

      if (name === 'Vite') {
        it('a page starts wasm without being told where its file is', async () => {
          expect(await setUp('wasm', {threads: 2})).to.deep.equal({
            backend: 'wasm',
            threads: 2,
            threadsReason: 'none',
            finite: true,
          });
        });
      } else {
        it('a page that serves no .wasm is told how to', async () => {
          const {error} = await setUp('wasm');
          expect(error).to.match(/^BackendError: wasm: .*tfjs-backend-wasm-simd\.wasm/);
          expect(error).to.contain('cp node_modules/@tensorflow/tfjs-backend-wasm/dist/*.wasm public/');
          expect(error).to.contain("setWasmPaths('/')");
        });
      }
    });
  }
});
