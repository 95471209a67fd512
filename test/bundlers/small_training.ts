/**
 * A page's program that computes all that a visitor's page would: it sets a backend up, trains a small network with a SwinT
 * layer to tell dark pictures from bright ones, and classifies a canvas with it.
 */

import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import {inChromium, type ServedFile} from '../helpers/chromium.js';
import {filesIn} from './project.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the file with everything inside is, on a server of `browserFiles`. */
export const ALL = '/package/dist/browser/tfjs-swint.all.min.js';

/** The package's modules for pages without a bundler, as a CDN has them. */
export function browserFiles(): Map<string, ServedFile> {
  const folder = join(root, 'dist/browser');
  if (!existsSync(folder)) throw new Error('test/bundlers: dist must be built; it is not (npm run build).');
  return new Map([...filesIn(folder)].map(([path, file]) => [`/package/dist/browser${path}`, file]));
}

/** What the program found. */
export interface SmallTraining {
  /** Name and message of what `setupBackend` threw; then there is nothing else. */
  error?: string;
  backend: string;
  threads: number;
  threadsReason?: string;
  /** Before the first step and after the last. */
  losses: [number, number];
  /** The class of a bright picture. */
  label: string;
}

/** What the program wants of this library. */
export const OURS = 'backendReport, classify, setupBackend, swinT';

/**
 * The program.
 *
 * @param imports bring `tf` and OURS into it.
 */
export const smallTraining = (imports: string) => `
  ${imports}
  const SIZE = 16;

  function network() {
    const kernelInitializer = tf.initializers.glorotUniform({seed: 1});
    const dataFormat = 'channelsLast';
    return tf.sequential({
      layers: [
        tf.layers.conv2d({filters: 8, kernelSize: 3, padding: 'same', kernelInitializer, inputShape: [SIZE, SIZE, 3]}),
        swinT({strides: 2, numHeads: 2, windowSize: 4, kernelInitializer, dataFormat}),
        tf.layers.globalAveragePooling2d({dataFormat}),
        tf.layers.dense({units: 2, activation: 'softmax', kernelInitializer}),
      ],
    });
  }

  /** Ten losses of a training on as many dark pictures as bright ones. */
  async function train(model) {
    const x = tf.concat([tf.randomUniform([4, SIZE, SIZE, 3], -1, 0), tf.randomUniform([4, SIZE, SIZE, 3], 0, 1)]);
    const y = tf.oneHot(tf.tensor1d([0, 0, 0, 0, 1, 1, 1, 1], 'int32'), 2);
    model.compile({optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy'});
    const {history} = await model.fit(x, y, {epochs: 10, batchSize: 8, shuffle: false});
    tf.dispose([x, y]);
    return history.loss;
  }

  function brightPicture() {
    const canvas = document.createElement('canvas');
    const drawing = canvas.getContext('2d');
    drawing.fillStyle = '#dcd';
    drawing.fillRect(0, 0, canvas.width, canvas.height);
    return canvas;
  }

  globalThis.smallTraining = async ([backend, options]) => {
    try {
      await setupBackend(backend, options);
    } catch ({name, message}) {
      return {error: name + ': ' + message};
    }
    const model = network();
    const losses = await train(model);
    const halves = {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]};
    const settings = {imageSize: SIZE, dataFormat: 'channelsLast', labels: ['dark', 'bright'], ...halves};
    const [{label}] = await classify(model, brightPicture(), settings);
    const {threads, threadsReason} = backendReport();
    return {backend: tf.getBackend(), threads, threadsReason, losses: [losses[0], losses.at(-1)], label};
  };`;

/** What else there is to tell of a page. */
interface Visit {
  requests: string[];
  /** What the browser says on the console that its Content-Security-Policy forbids. */
  refused: string[];
}

/**
 * Opens `/`, which runs the program, and lets it train.
 *
 * @param call the arguments of `setupBackend`.
 * @param headers sent with every file.
 */
export async function trainIn(
  files: ReadonlyMap<string, ServedFile>,
  call: [backend?: string, options?: object],
  headers?: Record<string, string>,
): Promise<SmallTraining & Visit> {
  return inChromium(
    files,
    async (tab, address) => {
      const requests: string[] = [];
      const refused: string[] = [];
      tab.on('request', (request) => requests.push(request.url().replace(address, '')));
      tab.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) refused.push(message.text());
      });
      await tab.goto(address, {waitUntil: 'load'});
      const found = await tab.evaluate(
        (given) =>
          (globalThis as unknown as {smallTraining(given: unknown): Promise<SmallTraining>}).smallTraining(
            given,
          ),
        call,
      );
      return {...found, requests: requests.filter((path) => path !== '/favicon.ico'), refused};
    },
    headers,
  );
}

/** That the network has learned to tell the pictures apart, on this backend. */
export function expectLearned(found: SmallTraining, backend: string): void {
  expect(found.error ?? '').to.equal('');
  expect(found.backend).to.equal(backend);
  expect(found.losses[1]).to.be.below(found.losses[0] / 2);
  expect(found.label).to.equal('bright');
}
