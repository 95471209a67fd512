/**
 * tfjs's wasm backend in Node: its heap is shared where setupBackend starts it for more than one thread, tfjs computes
 * on it as before, and where it is not shared the rules of `threads` hold.
 */

import {expect} from 'chai';
import {withHeap} from '../../../src/backends/shared_heap.js';
import {inFreshProcess, url, withoutNativeTensorFlow} from '../../helpers/fresh_process.js';

/** The module is run with these: what the heap is, and sets of results of tfjs's own kernels. */
const tools = `
  import * as tf from '@tensorflow/tfjs';
  const heap = () => tf.engine().registry.wasm.wasm.asm.memory.buffer.constructor.name;
  const stockResults = () => tf.tidy(() => {
    const values = (shape, seed) => tf.randomUniform(shape, -1, 1, 'float32', seed);
    const images = values([2, 9, 8, 5], 1);
    const results = [
      tf.matMul(values([33, 70], 2), values([70, 17], 3)),
      tf.matMul(values([3, 33, 70], 2), values([3, 17, 70], 3), false, true),
      tf.conv2d(images, values([3, 3, 5, 7], 4), 1, 'same'),
      tf.depthwiseConv2d(images, values([3, 3, 5, 1], 5), 2, 'valid'),
      tf.softmax(values([40, 50], 6)),
      tf.relu(tf.add(images, 0.1)), tf.sum(images, 1), tf.transpose(images, [0, 3, 1, 2]), tf.topk(images, 2).values,
      tf.gather(images, [1, 0, 1], 1), tf.image.resizeBilinear(images, [5, 5]), tf.erf(images),
    ];
    return results.map((result) => Array.from(result.dataSync()));
  });
  const computesAsCpu = async () => {
    const backend = tf.getBackend();
    const actual = stockResults();
    await tf.setBackend('cpu');
    const expected = stockResults();
    await tf.setBackend(backend);
    let difference = 0;
    for (const [i, values] of expected.entries()) {
      if (values.length !== actual[i].length) return 'another size';
      for (const [k, value] of values.entries()) difference = Math.max(difference, Math.abs(value - actual[i][k]));
    }
    return difference < 1e-4;
  };
`;

const run = (code: string, env?: NodeJS.ProcessEnv) =>
  inFreshProcess(tools + code, env, withoutNativeTensorFlow);

describe('withHeap', () => {
  it('puts WebAssembly.instantiate back when the last of overlapping starts has ended, however it ends', async () => {
    const {instantiate} = WebAssembly;
    const ends: Array<() => void> = [];
    const first = withHeap(true, () => new Promise<void>((resolve) => ends.push(resolve)));
    const second = withHeap(
      true,
      () => new Promise<void>((_, reject) => ends.push(() => reject(new Error('no')))),
    );
    expect(WebAssembly.instantiate).to.not.equal(instantiate);
    ends[0]!();
    await first;
    expect(WebAssembly.instantiate).to.not.equal(instantiate);
    ends[1]!();
    expect(await second.catch((error: Error) => error.message)).to.equal('no');
    expect(WebAssembly.instantiate).to.equal(instantiate);
  });
});

describe('the wasm heap in Node', () => {
  const loaded = `await import('@tensorflow/tfjs-backend-wasm');`;
  const shared: Record<string, string> = {
    'setupBackend starts it': `await setupBackend('wasm');`,
    'with threads': `await setupBackend('wasm', {threads: 3});`,
    'with the package loaded before': `${loaded} await setupBackend('wasm', {threads: 2});`,
    'it is chosen': `tell(await setupBackend()); told = 1;`,
    'tf is on its way to start it': `${loaded} tf.setBackend('wasm'); await setupBackend('wasm', {threads: 2});`,
    'it was removed': `
      ${loaded} await tf.setBackend('wasm'); tf.removeBackend('wasm'); await setupBackend('wasm', {threads: 2});`,
  };
  for (const [when, code] of Object.entries(shared)) {
    it(`is shared when ${when}; tfjs computes on it`, () => {
      const {told, stderr} = run(
        `const {instantiate} = WebAssembly;
        let told;
        ${code}
        tell(heap()); tell(await computesAsCpu()); tell(WebAssembly.instantiate === instantiate);`,
        {...process.env, VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none'},
      );
      expect(told.slice(-3), stderr).to.deep.equal(['SharedArrayBuffer', true, true]);
    });
  }

  const unshared: Record<string, string> = {
    'one thread is asked for': `await setupBackend('wasm', {threads: 1});`,
    "tfjs's kernels are asked for": `await setupBackend('wasm', {threads: 2, kernels: 'tfjs'});`,
    'tf started it before': `${loaded} await tf.setBackend('wasm'); await setupBackend('wasm');`,
    'memory cannot be shared': `
      const {instantiate} = WebAssembly;
      WebAssembly.instantiate = async (source, imports) => {
        const made = await instantiate(source, imports);
        if (made.instance.exports.memory?.buffer instanceof SharedArrayBuffer) throw new RangeError('out of memory');
        return made;
      };
      await setupBackend('wasm');`,
    'WebAssembly is frozen': `Object.freeze(WebAssembly); await setupBackend('wasm');`,
  };
  for (const [when, code] of Object.entries(unshared)) {
    it(`is its own when ${when}`, () => {
      const {told, stderr} = run(
        `${code} tell(heap()); tell(await computesAsCpu()); tell(backendReport().threads);`,
      );
      expect(told, stderr).to.deep.equal(['ArrayBuffer', true, 1]);
    });
  }

  it('is that of the file the application named', () => {
    const {told, stderr} = run(`
      import {copyFileSync, mkdtempSync, rmSync} from 'node:fs';
      import {createRequire} from 'node:module';
      import {tmpdir} from 'node:os';
      import {dirname, join} from 'node:path';
      const {setWasmPaths} = await import('@tensorflow/tfjs-backend-wasm');
      const {resolve} = createRequire(${JSON.stringify(url('package.json'))});
      const dist = dirname(resolve('@tensorflow/tfjs-backend-wasm'));
      const folder = mkdtempSync(join(tmpdir(), 'swint-paths-'));
      try {
        setWasmPaths(folder + '/');
        console.warn = () => {};
        tell(await failure(setupBackend('wasm')));
        copyFileSync(join(dist, 'tfjs-backend-wasm-simd.wasm'), join(folder, 'tfjs-backend-wasm-simd.wasm'));
        tell(await setupBackend('wasm', {threads: 2}));
        tell(heap());
      } finally {
        rmSync(folder, {recursive: true});
      }`);
    expect(told[0], stderr).to.match(/^BackendError: wasm: the backend must start/);
    expect(told.slice(1)).to.deep.equal(['wasm', 'SharedArrayBuffer']);
  });

  it('alone is concerned: other modules that start meanwhile keep their own memory', () => {
    // A module that declares and exports a memory of 1 to 2 pages.
    const {told, stderr} = run(`
      const bytes = new Uint8Array([
        0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 1, 1, 2, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0]);
      let busy = true;
      const started = setupBackend('wasm').then(() => { busy = false; });
      const kinds = new Set();
      for (let call = 0; busy || call < 3; call++) {
        const {instance} = await WebAssembly.instantiate(bytes);
        kinds.add(instance.exports.memory.buffer.constructor.name);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await started;
      tell([...kinds]);
      tell(heap());`);
    expect(told, stderr).to.deep.equal([['ArrayBuffer'], 'SharedArrayBuffer']);
  });
});

describe('threads on a heap that is not shared', () => {
  const before = `await import('@tensorflow/tfjs-backend-wasm'); await tf.setBackend('wasm');`;

  it('more than one by name: a BackendError that says what to do, and nothing has changed', () => {
    const {told, stderr} = run(`
      ${before}
      const kernel = tf.getKernel('BatchMatMul', 'wasm');
      await tf.setBackend('cpu');
      tell(await failure(setupBackend('wasm', {threads: 2})));
      tell(tf.getBackend());
      tell(tf.getKernel('BatchMatMul', 'wasm') === kernel);
      tf.removeBackend('wasm');
      tell(await setupBackend('wasm', {threads: 2}));
      tell(backendReport().threads);`);
    expect(told[0], stderr)
      .to.match(/^BackendError: wasm: threads must be 1 .* got 2/)
      .and.to.contain("tf.removeBackend('wasm')")
      .and.to.contain('call setupBackend first');
    expect(told.slice(1)).to.deep.equal(['cpu', true, 'wasm', 2]);
  });

  it('one by name, or none named: it works and the report says why', () => {
    const {told, stderr} = run(`
      ${before}
      await setupBackend('wasm', {threads: 1});
      tell(backendReport().threadsReason ?? 'none');
      await setupBackend('wasm');
      tell(backendReport());
      await setupBackend('wasm', {kernels: 'tfjs', threads: 2});
      tell(backendReport().threads);
      tell(backendReport().threadsReason);`);
    expect(told[0], stderr).to.equal('none');
    expect(told[1]).to.include({backend: 'wasm', threads: 1});
    expect(told[1].device).to.match(/^WebAssembly with (relaxed )?SIMD, 1 thread\(s\)/);
    expect(told[2]).to.equal(1);
    expect(told[3]).to.contain("tfjs's own kernels");
    // A machine with one core has no reason to give.
    expect([told[1].threads, told[1].threadsReason ?? 'removeBackend'].join()).to.contain('removeBackend');
  });

  it('more than one in an automatic choice: as many as there can be', () => {
    const {told, stderr} = run(
      `
      ${before}
      tell(await setupBackend(undefined, {threads: 4}));
      tell(backendReport());`,
      {...process.env, VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none'},
    );
    expect(told[0], stderr).to.equal('wasm');
    expect(told[1].threads).to.equal(1);
    expect(told[1].threadsReason).to.contain('removeBackend');
  });

  it("the application's own tf.setBackend: the report is right too", () => {
    const {told, stderr} = run(`${before} tell(backendReport());`);
    expect(told[0], stderr).to.include({backend: 'wasm', threads: 1});
  });
});
