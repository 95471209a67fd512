/** Every kernel of tfjs that is replaced or completed is among what the fuzzer runs, and each operation calls its kernel. */
import '../../kernels/index.js';
import {readdirSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import * as wasm from '../../kernels/wasm/tfjs/replacements.js';
import * as webgpu from '../../kernels/webgpu/tfjs/replacements.js';
import {eachBackend} from '../helpers/backends.js';
import {drawCase, wrongWith} from './check_case.js';
import type {FuzzBackend} from './fuzz_case.js';
import {operations} from './operations.js';

const registered = (backend: string) =>
  new Map(tf.getKernelsForBackend(backend).map(({kernelName, kernelFunc}) => [kernelName, kernelFunc]));

/** The kernels that differ while `replace` holds, by name. */
function replaced(backend: FuzzBackend): string[] {
  const {replaceStockKernels, restoreStockKernels} = {wasm, webgpu}[backend];
  const stock = registered(backend);
  replaceStockKernels();
  const ours = registered(backend);
  restoreStockKernels();
  return [...ours.keys()].filter((name) => ours.get(name) !== stock.get(name));
}

/** The kernels that the backend lacks and that ours complete: what the files of its room export for the registry. */
async function completed(backend: FuzzBackend): Promise<string[]> {
  const room = new URL(`../../kernels/${backend}/tfjs/`, import.meta.url);
  const files = readdirSync(fileURLToPath(room)).filter((file) => file.endsWith('.ts'));
  const modules = await Promise.all(files.map((file) => import(new URL(file, room).href)));
  const exported = modules.flatMap((module) => Object.values<Partial<tf.KernelConfig> | undefined>(module));
  return exported.flatMap((value) => value?.kernelName ?? []);
}

/** Whether one of the first cases of an operation calls the kernel; registers one that tells for as long. */
async function calls(backend: FuzzBackend, operation: string, kernel: string): Promise<boolean> {
  const config = tf.getKernel(kernel, backend);
  if (!config) return false;
  let called = false;
  const kernelFunc: tf.KernelFunc = (given) => {
    called = true;
    return config.kernelFunc(given);
  };
  tf.unregisterKernel(kernel, backend);
  tf.registerKernel({...config, kernelFunc});
  try {
    for (let index = 0; index < 20 && !called; index++) {
      await wrongWith(drawCase({backend, operation, seed: 1, index}));
    }
    return called;
  } finally {
    tf.unregisterKernel(kernel, backend);
    tf.registerKernel(config);
  }
}

eachBackend(
  (name) => {
    const backend = name as FuzzBackend;
    const fuzzed = Object.entries(operations[backend]);

    it('covers every kernel that is replaced or completed', async () => {
      const kernels = [...replaced(backend), ...(await completed(backend))];
      expect(kernels).to.include(tf.Conv2D);
      if (backend === 'wasm')
        expect(kernels).to.include(tf.UnsortedSegmentSum).and.to.include(tf.MaxPoolGrad);
      const covered = fuzzed.map(([, {kernel}]) => kernel);
      expect(kernels.filter((kernel) => !covered.includes(kernel))).to.deep.equal([]);
    });

    it('calls the kernel of every operation', async () => {
      const {replaceStockKernels, restoreStockKernels} = {wasm, webgpu}[backend];
      replaceStockKernels();
      try {
        const missed: string[] = [];
        for (const [operation, {kernel}] of fuzzed) {
          if (!(await calls(backend, operation, kernel))) missed.push(`${operation}: ${kernel}`);
        }
        expect(missed).to.deep.equal([]);
        // Transposes call no convolution.
        expect(await calls(backend, 'transpose', tf.Conv2D)).to.equal(false);
      } finally {
        restoreStockKernels();
      }
    });
  },
  {only: ['wasm', 'webgpu']},
);
