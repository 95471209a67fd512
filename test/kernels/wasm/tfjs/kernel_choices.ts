/** Runs a suite twice: with the library's kernels in the place of stock wasm ones, and with the stock ones put back. */

import * as tf from '@tensorflow/tfjs';
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../../kernels/wasm/tfjs/replacements.js';
import {expectClose} from '../against_cpu.js';

/** Describes `body` with replaced and then with restored kernels. The wasm backend must be active in its hooks. */
export function eachKernelChoice(body: (choice: 'swint' | 'tfjs') => void): void {
  describe('with replaced kernels', () => {
    before(replaceStockKernels);
    after(restoreStockKernels);
    body('swint');
  });
  describe('with stock kernels put back', () => {
    before(() => {
      replaceStockKernels();
      restoreStockKernels();
    });
    body('tfjs');
  });
}

/** Fails if `compute` leaves a tensor or a buffer behind, in 20 runs after the first. */
export function expectNoLeak(compute: () => tf.Tensor | tf.Tensor[]): void {
  tf.dispose(compute());
  const before = tf.memory();
  const buffers = tf.engine().backend.numDataIds();
  for (let k = 0; k < 20; k++) {
    tf.dispose(compute());
  }
  expect(tf.memory().numTensors).to.equal(before.numTensors);
  expect(tf.memory().numBytes).to.equal(before.numBytes);
  expect(tf.engine().backend.numDataIds()).to.equal(buffers);
}

/** `backend.wasm` as far as it is used here; its declared type rests on Emscripten's, which are not installed. */
interface Heap {
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/**
 * What `compute` returns when the heap is replaced by a larger one right before the allocation of number `call` that it
 * makes; every view taken before that is empty afterwards.
 */
function withGrowthAt(call: number, compute: () => tf.Tensor): {result: tf.Tensor; grew: boolean} {
  const backend = tf.backend() as BackendWasm;
  const heap = backend.wasm as unknown as Heap;
  const {makeOutput} = backend;
  const held: number[] = [];
  let calls = 0;
  let grew = false;
  backend.makeOutput = (...rest) => {
    if (calls++ === call) {
      const {buffer} = heap.HEAPU8;
      while (heap.HEAPU8.buffer === buffer) {
        held.push(heap._malloc(1 << 23));
      }
      grew = true;
    }
    return makeOutput.apply(backend, rest);
  };
  try {
    return {result: compute(), grew};
  } finally {
    backend.makeOutput = makeOutput;
    for (const address of held) {
      heap._free(address);
    }
  }
}

/** Fails unless `compute` gives `expected` with a new heap at each of its first allocations in turn. */
export function expectSameInNewHeaps(compute: () => tf.Tensor, expected: ArrayLike<number>): void {
  for (let call = 0; call < 4; call++) {
    const {result, grew} = withGrowthAt(call, compute);
    if (!grew) {
      expect(call).to.be.above(0); // It makes no more than these.
      return;
    }
    expectClose(result.dataSync(), expected);
  }
}
