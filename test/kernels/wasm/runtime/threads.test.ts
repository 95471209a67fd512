/**
 * The worker threads of the WebAssembly kernels: results that do not depend on them, how they start, fail and end.
 *
 * Mostly in processes of their own, because a process has one set of workers and the tests end them in every way.
 */

import * as tf from '@tensorflow/tfjs';
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {expect} from 'chai';
import {BackendError, freeKernelMemory, kernelMemory} from '../../../../kernels/index.js';
import {address} from '../../../../kernels/wasm/runtime/heap.js';
import {kernelModule} from '../../../../kernels/wasm/runtime/module.js';
import {setThreads} from '../../../../kernels/wasm/runtime/worker_pool.js';
import {eachBackend} from '../../../helpers/backends.js';
import {inFreshProcess, url} from '../../../helpers/fresh_process.js';
import {product, STRIDE, threadsAtWork, workers, workersReady} from '../../../helpers/wasm_product.js';
import {expectClose, uniform} from '../against_cpu.js';

/** Bits, so that even NaN and the sign of 0 have to agree. */
const bits = (y: tf.Tensor) => Array.from(new Uint32Array(y.dataSync<'float32'>().buffer));

eachBackend(
  () => {
    after(() => setThreads(2));

    for (const [m, k, n] of [
      [1, 1, 1],
      [49, 96, 288],
      [49, 33, 7],
      [197, 300, 130],
      [1000, 64, 61],
    ] as const) {
      it(`products M, K, N = ${m}, ${k}, ${n}: the same bits on 1, 2, 3 and 4 threads`, async () => {
        const a = uniform<tf.Rank.R2>([m, k], 1);
        const b = uniform<tf.Rank.R2>([k, n], 2);
        const bias = uniform<tf.Rank.R1>([n], 3);
        const expected = tf.tidy(() => tf.add(tf.matMul(a, b), bias));
        let first: {plain: number[]; extras: number[]} | undefined;
        for (const threads of [1, 2, 3, 4]) {
          setThreads(threads);
          product(uniform([256, 64], 4), uniform([64, 61], 5)).dispose(); // Starts the workers.
          await workersReady(threads - 1);
          if (threads > 1) expect(workers()).to.have.length(threads - 1);
          const plain = product(a, b, {bias});
          const extras = product(a, b, {bias, gelu: true});
          expectClose(plain.dataSync(), expected.dataSync());
          first ??= {plain: bits(plain), extras: bits(extras)};
          expect(bits(plain)).to.deep.equal(first.plain);
          expect(bits(extras)).to.deep.equal(first.extras);
          tf.dispose([plain, extras]);
        }
        tf.dispose([a, b, bias, expected]);
      });
    }

    it('share the work, and sleep while one thread is asked for', async () => {
      const a = uniform<tf.Rank.R2>([2048, 256], 1);
      const b = uniform<tf.Rank.R2>([256, 61], 2);
      const compute = () => product(a, b).dispose();
      setThreads(2);
      compute();
      await workersReady(1);
      const atWork = () => threadsAtWork(compute);
      const shared = () => {
        // Soon where both threads have a core, at the latest when the system gives the worker one.
        for (let call = 0; !atWork().every(Boolean); call++) expect(call).to.be.below(100_000);
      };
      shared();
      setThreads(1);
      for (let call = 0; call < 20; call++) expect(atWork()[1] ?? false).to.equal(false);
      setThreads(2);
      shared();
      tf.dispose([a, b]);
    });

    it('scratch memory is counted, given back, and taken anew', () => {
      const [a, b] = [uniform<tf.Rank.R2>([64, 32], 1), uniform<tf.Rank.R2>([32, 13], 2)];
      const before = product(a, b);
      expect(kernelMemory().scratch).to.be.above(0);
      freeKernelMemory();
      expect(kernelMemory()).to.deep.equal({scratch: 0, packedWeights: 0});
      freeKernelMemory();
      const after = product(a, b);
      expect(kernelMemory().scratch).to.be.above(0);
      expect(bits(after)).to.deep.equal(bits(before));
      tf.dispose([a, b, before, after]);
    });

    it('running out of memory for scratch is a BackendError, and the kernels go on', () => {
      const backend = tf.backend() as BackendWasm;
      const module = backend.wasm as unknown as {_malloc(bytes: number): number};
      const {_malloc} = module;
      let full = false;
      module._malloc = (bytes) => (full ? 0 : _malloc(bytes));
      const [a, b] = [uniform<tf.Rank.R2>([64, 32], 1), uniform<tf.Rank.R2>([32, 13], 2)];
      try {
        setThreads(3); // A new team, whose kernels allocate by the function above.
        product(a, b).dispose();
        freeKernelMemory();
        const at = address(backend, a);
        const compute = () =>
          kernelModule(backend).run((kernels) => {
            full = true;
            kernels.productColumns(at, 4, at, 4, at, 1, 1, 1);
          });
        expect(compute).to.throw(BackendError, /memory for the scratch/);
      } finally {
        full = false;
        module._malloc = _malloc;
        setThreads(2);
      }
      const y = product(a, b);
      expectClose(
        y.dataSync(),
        tf.tidy(() => tf.matMul(a, b).dataSync()),
      );
      tf.dispose([a, b, y]);
    });
  },
  {only: ['wasm']},
);

const from = (path: string) => JSON.stringify(url(path));

/** Runs a module in a fresh Node that has a backend with a shared heap, two threads and products that are work for both. */
const inFreshBackend = (code: string, env?: NodeJS.ProcessEnv) =>
  inFreshProcess(
    `
    import * as tf from '@tensorflow/tfjs';
    const {product, threadsAtWork, workers, workersReady, controlBlock} =
      await import(${from('test/helpers/wasm_product.ts')});
    const {kernelModule} = await import(${from('kernels/wasm/runtime/module.ts')});
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const attempt = (compute) => {
      try { return compute(); } catch (error) { return error.name + ': ' + error.message; }
    };
    await setupBackend('wasm', {threads: 2});
    const factors = () => [
      tf.randomUniform([512, 256], -1, 1, 'float32', 1), tf.randomUniform([256, 61], -1, 1, 'float32', 2)];
    let [a, b] = factors();
    /** Whether the product is right. */
    const right = () => attempt(() =>
      tf.tidy(() => tf.max(tf.abs(tf.sub(product(a, b), tf.matMul(a, b)))).dataSync()[0] < 1e-4));
    const start = async () => { right(); await workersReady(1); };
    ${code}`,
    env,
  );

describe('worker threads of the wasm kernels', () => {
  const ends: Record<string, {code: string; status: number | 'an error'}> = {
    'with idle workers': {code: 'await start(); await pause(50); tell(right());', status: 0},
    'right after a kernel': {code: 'await start(); tell(right());', status: 0},
    'while the workers start': {code: 'tell(right());', status: 0},
    'by process.exit': {code: 'await start(); tell(right()); process.exit(3);', status: 3},
    'by process.exit in a timer': {
      code: 'await start(); tell(right()); setTimeout(() => process.exit(3), 20);',
      status: 3,
    },
    'by an unhandled rejection': {
      code: `await start(); tell(right()); Promise.reject(new Error('nobody cares')); await pause(5000);`,
      status: 'an error',
    },
    'by an exception': {
      code: `await start(); tell(right()); throw new Error('nobody cares');`,
      status: 'an error',
    },
  };
  for (const [how, {code, status}] of Object.entries(ends)) {
    it(`let the process end ${how}`, () => {
      const outcome = inFreshBackend(code);
      expect(outcome.told, outcome.stderr).to.deep.equal([true]);
      expect(outcome.ended).to.equal(true);
      if (status === 'an error') expect(outcome.status).to.be.above(0);
      else expect(outcome.status).to.equal(status);
    });
  }

  it('start when a kernel first has work for them, and never for one thread', () => {
    const {told, stderr} = inFreshBackend(`
      tell(workers().length);
      const small = tf.ones([1, 1]);
      product(small, small);
      tell(workers().length);
      await setupBackend('wasm', {threads: 1});
      for (let call = 0; call < 5; call++) { right(); await pause(10); }
      tell(workers().length);
      await setupBackend('wasm', {threads: 4});
      right();
      tell(workers().length);
      await workersReady(3);
      await setupBackend('wasm', {threads: 2});
      tell(right());
      tell(workers().length);`);
    expect(told, stderr).to.deep.equal([0, 0, 0, 3, true, 1]);
  });

  it('run without the flags of the process', () => {
    const loaded = `data:text/javascript,process._rawDebug('loaded')`;
    const {told, stderr} = inFreshBackend(`await start(); await pause(50); tell(right());`, {
      ...process.env,
      NODE_OPTIONS: `--import ${loaded} --inspect=127.0.0.1:0`,
    });
    expect(told, stderr).to.deep.equal([true]);
    // By the process itself and by the thread of tsx at most; by the worker it would be once more.
    const times = stderr.split('loaded').length - 1;
    const withoutWorkers = inFreshBackend(`tell(0)`, {...process.env, NODE_OPTIONS: `--import ${loaded}`});
    expect(times).to.equal(withoutWorkers.stderr.split('loaded').length - 1);
    expect(stderr.split('Debugger listening')).to.have.length(2);
  });

  it('see the heap as it grows', () => {
    const {told, stderr} = inFreshBackend(`
      await start();
      const {memory} = kernelModule(tf.backend());
      const before = memory.buffer.byteLength;
      const held = [];
      const results = new Set();
      while (memory.buffer.byteLength < 420 * 2 ** 20) {
        held.push(tf.ones([1 << 22]));
        results.add(right());
        const far = tf.tidy(() => factors());
        [a, b] = far;
        results.add(right());
      }
      let all = false;
      for (let call = 0; call < 2000 && !all; call++) all = threadsAtWork(() => product(a, b).dispose()).every(Boolean);
      tell(before < 420 * 2 ** 20);
      tell([...results]);
      tell(all);
      tell(a.size + tf.sum(held[5]).dataSync()[0]);
      tell(workers().length);`);
    expect(told, stderr).to.deep.equal([true, [true], true, 512 * 256 + (1 << 22), 1]);
  });

  it('work beyond 2 GiB', () => {
    const {told, stderr} = inFreshBackend(`
      const {wasm} = tf.backend();
      let top = 0;
      while (top < 2 ** 31) top = wasm._malloc(100 * 2 ** 20) >>> 0; // Never touched, so that it costs no memory.
      [a, b] = factors();
      await setupBackend('wasm', {threads: 3}); // Control block and scratch memory are up there too.
      right();
      await workersReady(2);
      tell(controlBlock().byteOffset > 2 ** 31);
      tell(right());
      let all = false;
      for (let call = 0; call < 2000 && !all; call++) {
        all = threadsAtWork(() => product(a, b).dispose()).slice(1).some(Boolean);
      }
      tell(all);`);
    expect(told, stderr).to.deep.equal([true, true, true]);
  });

  describe('that fail', () => {
    it('in a kernel: a BackendError of that call, soon, and the next call works', () => {
      const {told, stderr, ended} = inFreshBackend(`
        await start();
        // The scratch memory of the worker is out of bounds, that of the calling thread where it was.
        const before = performance.now();
        let result;
        for (let call = 0; call < 2000; call++) {
          controlBlock()[${STRIDE}] = 0x7ffffff0;
          result = attempt(() => product(a, b));
          if (typeof result === 'string') break;
          result.dispose();
        }
        tell(result);
        tell(performance.now() - before < 5000);
        for (let call = 0; call < 3; call++) { tell(right()); await pause(100); }
        await workersReady(1);
        tell(right());`);
      expect(told[0], stderr).to.match(/^BackendError: wasm: every worker thread must finish .*threads: 1/);
      expect(told.slice(1)).to.deep.equal([true, true, true, true, true]);
      expect(ended).to.equal(true);
    });

    it('by being ended between two calls: a BackendError of the next, and the one after works', () => {
      const {told, stderr} = inFreshBackend(`
        await start();
        await workers()[0].terminate();
        await pause(20);
        tell(attempt(right));
        tell(right());
        await workersReady(1);
        tell(right());
        tell(workers().length);`);
      expect(told[0], stderr).to.match(/^BackendError: wasm: the worker threads must start and stay alive/);
      expect(told.slice(1)).to.deep.equal([true, true, 1]);
    });

    it('by being ended as a kernel begins: right results or a BackendError, never a wrong result', () => {
      const {told, stderr} = inFreshBackend(`
        await start();
        const results = [];
        for (let round = 0; round < 25; round++) {
          workers()[0]?.terminate();
          results.push(right());
          await pause(20);
        }
        results.push(right(), right());
        tell(results);`);
      const results: unknown[] = told[0];
      expect(results.slice(0, 2), stderr).to.include(true);
      for (const result of results) {
        if (result !== true) expect(result).to.match(/^BackendError: wasm: .*worker/);
      }
      expect(results).to.include(true);
    });

    it('by not answering for 10 s: a BackendError of that call', () => {
      const {told, stderr, ended} = inFreshBackend(`
        const {Worker} = await import('node:worker_threads');
        await start();
        // A thread that claims a unit of the product as soon as there is one, and never computes it.
        const words = controlBlock();
        const claims = new Worker(
          \`const {workerData: {buffer, at}, parentPort} = require('node:worker_threads');
          const ticket = new BigInt64Array(buffer, at, 1);
          parentPort.postMessage('ready');
          for (;;) {
            const now = Atomics.load(ticket, 0);
            if ((now & 0xffffffffn) < (now >> 32n) && Atomics.compareExchange(ticket, 0, now, now + 1n) === now) break;
          }\`,
          {eval: true, execArgv: [], workerData: {buffer: words.buffer, at: words.byteOffset}});
        await new Promise((resolve) => claims.once('message', resolve));
        await pause(50);
        const before = performance.now();
        let result = true;
        while (result === true && performance.now() - before < 60_000) {
          const again = performance.now();
          result = right();
          if (result !== true) tell(performance.now() - again);
        }
        tell(result);
        await claims.terminate();
        tell(right());`);
      const [time, message, after] = told;
      expect(message, stderr).to.match(/^BackendError: wasm: every worker thread must finish/);
      expect(time).to.be.within(9_500, 30_000);
      expect(after).to.equal(true);
      expect(ended).to.equal(true);
    });

    it('because the platform allows none: a BackendError of the next call that names the way out, which works', () => {
      const {told, stderr} = inFreshBackend(`
        const threads = process.getBuiltinModule('node:worker_threads');
        const {Worker} = threads;
        threads.Worker = class { constructor() { throw new Error('Access to this API has been restricted'); } };
        tell(attempt(() => product(a, b).size === 512 * 61));
        tell(attempt(() => product(a, b)));
        await setupBackend('wasm', {threads: 1});
        tell(right());
        threads.Worker = Worker;
        await setupBackend('wasm', {threads: 2});
        tell(right());
        await workersReady(1);
        tell(right());`);
      expect(told[1], stderr).to.match(/^BackendError: wasm: .*been restricted .*\{threads: 1\}/);
      expect([told[0], ...told.slice(2)]).to.deep.equal([true, true, true, true]);
    });
  });

  it("end with tf.removeBackend, and setupBackend('wasm') sets up anew", () => {
    const {told, stderr, ended} = inFreshBackend(`
      for (let round = 0; round < 3; round++) {
        await start();
        const [worker] = workers();
        const gone = new Promise((resolve) => worker.once('exit', resolve));
        tf.removeBackend('wasm');
        tell((await gone) !== undefined);
        tell(await setupBackend('wasm'));
        tell(workers().length);
        [a, b] = factors();
        tell(right());
      }`);
    const round = [true, 'wasm', 0, true];
    expect(told, stderr).to.deep.equal([...round, ...round, ...round]);
    expect(ended).to.equal(true);
  });
});
