import {expect} from 'chai';
import {inChromium, needsChromium, pageOf} from '../helpers/chromium.js';

/**
 * The cases of the operations and a training step of a small SwinResNet, on one GPU backend, in a page.
 *
 * Nearly all of the time goes into compiling shaders for the software GPU. So tfjs's webgl takes shapes as uniforms here,
 * where it would compile a shader anew for every shape; webgl.test.ts computes as tfjs does by default. And of the blocks
 * there is one geometry in all kinds: they are made of the shaders of the other operations, and in Node all of them run.
 */
const program = (backend: string) => `
  import * as tf from '@tensorflow/tfjs';
  import '@tensorflow/tfjs-backend-webgpu';
  import {AdamW, backendReport, setupBackend, swinResNet} from './src/index.ts';
  import {kernelsInUse} from './kernels/index.ts';
  import {operationCases} from './test/kernels/operations/cases.ts';
  import {checkOperation, GPU_TOLERANCE} from './test/kernels/operations/check.ts';

  // tfjs refuses a software WebGL, which is the only one here.
  for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) {
    const {getContext} = canvas.prototype;
    canvas.prototype.getContext = function (type, attributes) {
      const more = type.startsWith('webgl') ? {failIfMajorPerformanceCaveat: false} : {};
      return getContext.call(this, type, {...attributes, ...more});
    };
  }

  /** The loss before and after a step. */
  async function losses() {
    const model = swinResNet({numClasses: 3, inputShape: [3, 8, 8], seed: 1, widths: [8, 8, 16]});
    const image = Float32Array.from({length: 4 * 3 * 64}, (_, i) => Math.sin(1.7 * i * i + 0.3));
    const x = tf.tensor(image, [4, 3, 8, 8]);
    const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0], 'int32'), 3);
    const optimizer = new AdamW({learningRate: 1e-3});
    const step = () => optimizer.minimize(
      () => tf.losses.softmaxCrossEntropy(y, model.apply(x, {training: true})), true);
    const results = [];
    for (let i = 0; i < 2; i++) results.push((await step().data())[0]);
    return results;
  }

  globalThis.finished = (async () => {
    tf.env().set('WEBGL_USE_SHAPES_UNIFORMS', true);
    await setupBackend(${JSON.stringify(backend)});
    const failures = [];
    const cases = operationCases.filter(({name}) => !/^swinBlock: (?!attended padding)/.test(name));
    for (const one of cases) {
      try {
        await checkOperation(one, GPU_TOLERANCE);
      } catch (error) {
        failures.push(one.name + ': ' + error.message);
      }
    }
    const gpu = await losses();
    const {backend, gpu: device} = backendReport();
    const {operations} = kernelsInUse();
    await setupBackend('cpu');
    return {count: cases.length, blocks: cases.filter(({name}) => /^swinBlock/.test(name)).length, failures, gpu, cpu: await losses(), backend, device, operations};
  })();`;

interface Results {
  count: number;
  blocks: number;
  failures: string[];
  gpu: number[];
  cpu: number[];
  backend: string;
  device?: {features: string[]};
  operations: Record<string, string>;
}

for (const backend of ['webgpu', 'webgl']) {
  describe(`${backend} in headless Chromium`, () => {
    it('computes every case of the operations, and trains a SwinResNet as cpu does', async function () {
      needsChromium(this);
      const files = await pageOf(program(backend));
      const results = await inChromium(files, async (page, address) => {
        await page.goto(address, {waitUntil: 'load'});
        return page.evaluate(() => (globalThis as unknown as {finished: Promise<Results>}).finished);
      });
      expect(results.backend).to.equal(backend);
      expect(results.operations.SwintWindowAttention).to.equal(backend === 'webgpu' ? 'webgpu' : 'composed');
      if (backend === 'webgpu') expect(results.device?.features).to.be.an('array');
      expect(results.failures).to.deep.equal([]);
      expect(results.count).to.be.above(50);
      expect(results.blocks).to.be.at.least(4);
      for (const [i, loss] of results.cpu.entries()) {
        expect(results.gpu[i]).to.be.closeTo(loss, 1e-3 * Math.abs(loss));
      }
      expect(results.gpu[1]).to.not.equal(results.gpu[0]);
    });
  });
}
