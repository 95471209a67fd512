/**
 * The package in production builds, minified, of Vite, webpack, Rollup and esbuild, run in headless Chromium: every
 * class of ours is registered, also for a page that names none of them.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {rmSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batchNormalization, swinT} from '../../layers/index.js';
import {inChromium, needsChromium, type ServedFile} from '../helpers/chromium.js';
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

interface Answer {
  values: number[];
}

describe('bundled', () => {
  let project: string;
  let classifier: Awaited<ReturnType<typeof savedClassifier>>;

  before(async function () {
    needsChromium(this);
    classifier = await savedClassifier();
    project = makeProject(programs);
  });

  after(() => {
    if (project) rmSync(project, {recursive: true, force: true});
  });

  for (const [name, bundle] of Object.entries(bundlers)) {
    describe(`by ${name}`, () => {
      let files: Map<string, ServedFile>;

      before(async () => {
        const out = join(project, name);
        await bundle(project, Object.keys(programs), out);
        files = new Map([...filesIn(out), ...classifier.files]);
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
    });
  }
});
