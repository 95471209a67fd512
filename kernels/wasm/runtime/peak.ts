/**
 * The most that the machine can do, for benchmarks: multiplications and additions, on all threads.
 *
 * `tf.engine().runKernel('SwintPeak', {}, {turns, units})` returns how many FLOPs it did.
 */
import {output} from './heap.js';
import {kernelModule} from './module.js';
import {wasmKernel} from './wasm_kernel.js';

/** Twelve vectors of four, twice a multiplication and an addition each. */
const FLOPS_PER_TURN = 12 * 4 * 2 * 2;

/** What `tf.registerKernel` takes. Returns the number of FLOPs done, a scalar. */
export const peakConfig = wasmKernel<never, {turns: number; units: number}>(
  'SwintPeak',
  (backend, _inputs, {turns, units}) => {
    const {tensor} = output(backend, []);
    kernelModule(backend).run((kernels) => kernels.peakOfThreads(turns, units));
    backend.typedArrayFromHeap(tensor)[0] = turns * units * FLOPS_PER_TURN;
    return tensor;
  },
);
