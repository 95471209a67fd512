import {expect} from 'chai';
import {inChromium, needsChromium, pageOf} from '../helpers/chromium.js';
import {expectRelativeClose} from '../helpers/compare.js';

/** Forward and all gradients of a SwinT of each variant, on webgl and on cpu, in a page. */
const program = `
  import * as tf from '@tensorflow/tfjs';
  import {backendReport, setupBackend, swinT} from './src/index.ts';

  // tfjs refuses a software WebGL, which is the only one here.
  for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) {
    const {getContext} = canvas.prototype;
    canvas.prototype.getContext = function (type, attributes) {
      return getContext.call(this, type, {...attributes, failIfMajorPerformanceCaveat: false});
    };
  }

  async function gradients(backend, variant) {
    await setupBackend(backend);
    const kernelInitializer = tf.initializers.randomNormal({stddev: 0.3, seed: 1});
    const layer = swinT({numHeads: 2, windowSize: 3, outChannels: 6, downsample: true, variant, kernelInitializer});
    const values = (size, scale) => Float32Array.from({length: size}, (_, i) => scale * Math.sin(1.7 * i * i + 0.3));
    const x = tf.tensor4d(values(2 * 4 * 5 * 7, 1), [2, 4, 5, 7]);
    const y = layer.apply(x);
    layer.setWeights(layer.getWeights().map((w) => tf.tensor(values(w.size, 0.5), w.shape)));
    const c = tf.tensor(values(y.size, 1), y.shape);
    const variables = layer.trainableWeights.map((weight) => weight.read());
    const input = tf.variable(x);
    const {value, grads} = tf.variableGrads(() => tf.sum(tf.mul(layer.apply(input), c)), [input, ...variables]);
    const results = {value: Array.from(await value.data())};
    const names = ['x', ...layer.weights.map(({originalName}) => originalName.split('/').pop())];
    for (const [i, variable] of [input, ...variables].entries()) {
      results[names[i]] = Array.from(await grads[variable.name].data());
    }
    return results;
  }

  globalThis.finished = (async () => {
    const results = {};
    for (const variant of ['v1', 'v2', 'miziha']) {
      results[variant] = {webgl: await gradients('webgl', variant), cpu: await gradients('cpu', variant)};
    }
    await setupBackend('webgl');
    return {results, report: backendReport()};
  })();`;

type Values = Record<string, number[]>;

describe('webgl in headless Chromium', () => {
  it('computes and differentiates a SwinT as cpu does', async function () {
    needsChromium(this);
    const files = await pageOf(program);
    const {results, report} = await inChromium(files, async (page, address) => {
      await page.goto(address, {waitUntil: 'load'});
      return page.evaluate(
        () =>
          (
            globalThis as unknown as {
              finished: Promise<{
                results: Record<string, {webgl: Values; cpu: Values}>;
                report: {backend: string; software: boolean};
              }>;
            }
          ).finished,
      );
    });
    expect(report.backend).to.equal('webgl');
    for (const [variant, {webgl, cpu}] of Object.entries(results)) {
      expect(Object.keys(webgl).length).to.be.greaterThan(20);
      for (const name of Object.keys(cpu)) {
        expectRelativeClose(`${variant} ${name}`, webgl[name], cpu[name], 1e-4, 1e-2);
      }
    }
  });
});
