import {expect} from 'chai';
import {inFreshProcess, url, withoutNativeTensorFlow} from '../../helpers/fresh_process.js';

/** Starts a backend, computes with a model on it, and ends everything, twice; tells what is left after each. */
const program = (backend: string, options: string) => `
  import * as tf from '@tensorflow/tfjs';
  const {classify} = await import(${JSON.stringify(url('src/inference/classify.ts'))});
  const {disposeEverything} = await import(${JSON.stringify(url('src/backends/dispose_everything.ts'))});
  const {kernelMemory} = await import(${JSON.stringify(url('kernels/index.ts'))});
  const {swinTransformer} = await import(${JSON.stringify(url('architectures/index.ts'))});
  let [started, ended] = [0, 0];
  const threads = process.getBuiltinModule('node:worker_threads');
  threads.Worker = class extends threads.Worker {
    constructor(code, options) {
      super(code, options);
      if (options?.name !== 'swint') return;
      started++;
      this.on('exit', () => ended++);
    }
  };
  tf.env().set('KEEP_INTERMEDIATE_TENSORS', false);
  const image = {data: new Uint8Array(32 * 32 * 3).fill(100), width: 32, height: 32};
  let old;
  for (let round = 0; round < 2; round++) {
    await setupBackend('${backend}', ${options});
    const model = swinTransformer({imageSize: 32, patchSize: 2, embedDim: 32, depths: [2, 2], numHeads: [1, 2], numClasses: 3, seed: 1});
    const gone = old ? await failure(classify(old, image)) : 'disposed';
    old = model;
    const stray = tf.ones([5, 5]);
    const [best] = await classify(model, image);
    const before = {tensors: tf.memory().numTensors > 0, scratch: kernelMemory().scratch > 0, started};
    await disposeEverything();
    const {numTensors, numDataBuffers, numBytes} = tf.engine().state;
    tell({
      before, probability: best.probability, left: [numTensors, numDataBuffers, numBytes],
      kernels: kernelMemory(), backends: Object.keys(tf.engine().registry),
      ended, flag: tf.env().getFlags().KEEP_INTERMEDIATE_TENSORS,
      gone,
    });
    stray.dispose();
  }`;

interface Told {
  before: {tensors: boolean; scratch: boolean; started: number};
  probability: number;
  left: number[];
  kernels: object;
  backends: string[];
  ended: number;
  flag: boolean;
  gone: string;
}

describe('disposeEverything', () => {
  for (const [backend, options] of [
    ['wasm', '{threads: 2}'],
    ['wasm', '{threads: 1}'],
    ['cpu', '{}'],
    ['webgpu', '{}'],
  ] as const) {
    it(`leaves no tensor, byte or thread of ${backend} ${options}, and all starts anew`, function () {
      const {ended, status, told, stderr} = inFreshProcess(
        program(backend, options),
        process.env,
        withoutNativeTensorFlow,
      );
      if (backend === 'webgpu' && /an adapter must be present; got none/.test(stderr)) return this.skip();
      expect([ended, status], stderr).to.deep.equal([true, 0]);
      expect(told).to.have.length(2);
      const rounds = told as Told[];
      for (const [round, one] of rounds.entries()) {
        expect(one.before.tensors).to.equal(true);
        expect(one.before.scratch).to.equal(backend === 'wasm');
        expect(one.left).to.deep.equal([0, 0, 0]);
        expect(one.kernels).to.deep.equal({scratch: 0, packedWeights: 0});
        expect(one.backends).to.deep.equal([]);
        const workers = options === '{threads: 2}' ? round + 1 : 0;
        expect([one.before.started, one.ended]).to.deep.equal([workers, workers]);
        expect(one.flag).to.equal(false);
        expect(one.gone).to.match(/disposed/);
        expect(one.probability).to.be.closeTo(rounds[0]!.probability, 1e-6);
      }
    });
  }
});
