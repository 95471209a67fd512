/**
 * A training in a tab that is in the background, where browsers let timers run once a second at most: it goes on and waits for
 * no timer and no frame.
 */
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {expect} from 'chai';
import {inChromium, needsChromium, pageOf} from '../helpers/chromium.js';

const program = `
  import * as tf from '@tensorflow/tfjs';
  import '@tensorflow/tfjs-backend-webgpu';
  import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
  import {setupBackend, train} from './src/index.ts';
  import {colourSplit} from './test/src/training/colour_squares.ts';

  setWasmPaths('/');

  /** Takes down who waits for a timer or a frame from here on. */
  const waits = [];
  function watchTimers() {
    for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback']) {
      const own = globalThis[name];
      globalThis[name] = (...args) => {
        waits.push(name);
        return own(...args);
      };
    }
  }

  globalThis.trained = async (backend) => {
    await setupBackend(backend);
    const model = tf.sequential({layers: [
      tf.layers.flatten({inputShape: [3, 4, 4]}), tf.layers.dense({units: 3})]});
    let steps = 0;
    const history = await train(model, colourSplit(24, 8), {
      ...{epochs: 2, batchSize: 8},
      onBatch: ({epoch, step}) => {
        steps++;
        if (epoch === 1 && step === 1) watchTimers();
      },
    });
    return {steps, stopped: history.stopped, tested: history.epochs.length, waits};
  };`;

interface Trained {
  steps: number;
  stopped: string;
  tested: number;
  waits: string[];
}

describe('a hidden tab', () => {
  for (const backend of ['wasm', 'webgpu']) {
    it(`trains to the end on ${backend}, and waits for no timer and no frame`, async function () {
      needsChromium(this);
      const files = await pageOf(program);
      const dist = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
      const name = 'tfjs-backend-wasm-simd.wasm';
      files.set(`/${name}`, {type: 'application/wasm', body: readFileSync(join(dist, name))});
      const result = await inChromium(files, async (page, address) => {
        await page.goto(address, {waitUntil: 'load'});
        // A tab in front of it; a browser without a window may call it visible all the same, so timers are watched.
        const front = await page.context().newPage();
        await front.bringToFront();
        return page.evaluate((backend) => {
          const {trained} = globalThis as unknown as {
            trained: (backend: string) => Promise<Trained>;
          };
          return trained(backend);
        }, backend);
      });
      expect(result).to.include({steps: 6, stopped: 'finished', tested: 2});
      expect(result.waits).to.deep.equal([]);
    });
  }
});
