/** A tensor that does not fit tfjs's heap is one BackendError; nothing is written or kept, and the process goes on. */

import {expect} from 'chai';
import {inFreshProcess} from '../../../helpers/fresh_process.js';

describe('the heap of wasm', () => {
  for (const [what, columns] of [
    // The heap has 65535 pages of 64 KiB, of which some are taken.
    ['4 GiB less two pages', 65534],
    ['more than addresses can tell', 65536 + 1024],
  ] as const) {
    for (const kernels of ['swint', 'tfjs']) {
      it(`has no room for ${what}, kernels '${kernels}'`, () => {
        const {told, status, stderr} = inFreshProcess(`
          const tf = (await import('@tensorflow/tfjs')).default;
          await setupBackend('wasm', {threads: 1, kernels: ${JSON.stringify(kernels)}});
          const [row, column] = [tf.ones([16384, 1]), tf.ones([1, ${columns}])];
          const before = [tf.memory().numTensors, tf.memory().numDataBuffers];
          for (const make of [
            () => tf.tile(row, [1, ${columns}]), () => tf.matMul(row, column), () => tf.add(row, column),
          ]) {
            tell(await failure((async () => make())()));
          }
          tell([tf.memory().numTensors, tf.memory().numDataBuffers].join() === before.join());
          tell(Array.from(tf.matMul(tf.ones([2, 3]), tf.ones([3, 1])).dataSync()));`);
        expect(told.length, stderr).to.equal(5);
        for (const message of told.slice(0, 3)) {
          expect(message).to.match(/^BackendError: wasm: the heap must have \d+ bytes more; it has not/);
        }
        expect(told.slice(3)).to.deep.equal([true, [3, 3]]);
        expect(status).to.equal(0);
      });
    }
  }
});
