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

  /** Fills the heap but for `left` bytes. */
  const preamble = `
    const tf = (await import('@tensorflow/tfjs')).default;
    const random = (...shape) => tf.randomUniform(shape, -1, 1, 'float32', 1);
    const fill = (left) => {
      const {wasm} = tf.backend();
      const kept = wasm._malloc(left);
      for (let size = 2 ** 30; size >= 16; ) {
        try {
          wasm._malloc(size);
        } catch {
          size /= 2;
        }
      }
      wasm._free(kept);
    };
    const thrown = (make) => failure((async () => make())());`;

  for (const kernels of ['swint', 'tfjs']) {
    it(`has no room for what a stock kernel takes as it works, kernels '${kernels}'`, () => {
      const {told, status, stderr} = inFreshProcess(`${preamble}
        await setupBackend('wasm', {threads: 1, kernels: '${kernels}'});
        const x = random(1, 64, 64, 64);
        const [sum] = await tf.sum(x).data();
        const spare = tf.sigmoid(x);
        fill(2 ** 20 + 16);
        const tensors = tf.memory().numTensors;
        tell(await thrown(() => tf.cumsum(x, 1)));
        tell(tf.memory().numTensors === tensors);
        tell([await thrown(() => tf.add(x, 1)), await thrown(() => tf.tensor1d([1, 2]).square().dataSync())]);
        spare.dispose();
        tell(await setupBackend('wasm', {threads: 1, kernels: '${kernels}'}));
        tell(Array.from(tf.tensor1d([1, 2]).square().dataSync()));
        tell([Math.abs((await tf.sum(x).data())[0] - sum) < 1e-3, tf.sum(tf.cumsum(x, 1)).shape]);
        x.dispose();`);
      expect(status, stderr).to.equal(0);
      expect(told[0]).to.match(
        /^BackendError: wasm: tfjs's function \w+ must end; got "Aborted.*setupBackend\('wasm'\)/,
      );
      expect(told[1]).to.equal(true);
      for (const message of told[2])
        expect(message).to.match(/^BackendError: wasm: the backend must be set up anew/);
      expect(told.slice(3)).to.deep.equal(['wasm', [1, 4], [true, []]]);
    });
  }

  it('has no room for what XNNPACK takes, which then computes nothing', () => {
    const {told, status, stderr} = inFreshProcess(`${preamble}
      await setupBackend('wasm', {threads: 1, kernels: 'tfjs'});
      const [x, filter] = [random(1, 64, 64, 64), random(3, 3, 64, 1)];
      await Promise.all([x.data(), filter.data()]);
      tf.dispose([tf.square(x), tf.square(filter)]); // Their values are on the heap.
      fill(2 ** 20 + 12000);
      tell(await thrown(() => tf.depthwiseConv2d(x, filter, 1, 'same').dataSync()));
      tell(await thrown(() => tf.square(filter).dataSync()));`);
    expect(status, stderr).to.equal(0);
    expect(told[0]).to.match(
      /^BackendError: wasm: tfjs's function \w+ must compute its result; got "XNN status .* status 6/,
    );
    expect(told[1]).to.equal('none');
  });
});
