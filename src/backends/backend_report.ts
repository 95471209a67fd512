/** What computation runs on, for logs, reports and bug reports. */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {kernelBinary, kernelModule} from '../../kernels/wasm/runtime/module.js';
import {coreCount} from '../../kernels/wasm/runtime/worker_pool.js';
import {type Precision, precisionInUse} from '../../kernels/webgpu/runtime/precision.js';
import {BackendError} from '../errors.js';
import {type AdapterDescription, describeAdapter, isSoftwareAdapter} from './adapter.js';
import {whyNotShared} from './shared_heap.js';
import {type DeviceCapabilities, describeCapabilities} from './webgpu_device.js';

/** A backend that an automatic choice passed over. */
export interface SkippedBackend {
  backend: string;
  /** The message of the BackendError that naming it would have thrown. */
  reason: string;
  /** Whether it is there and does not work or is software, rather than not being there at all. */
  installed: boolean;
}

/** The answer of `backendReport`. */
export interface BackendReport {
  /** tfjs's name of the active backend. */
  backend: string;
  /** What it runs on, in words, such as `nvidia hopper (NVIDIA H200)`. */
  device: string;
  /** Whether it is a GPU backend on a driver that computes on the CPU. False for the CPU's own backends. */
  software: boolean;
  /** The threads that this library's kernels run on; 1 on backends other than wasm. */
  threads: number;
  /** Why `threads` is less than `setupBackend` was asked for or, on wasm, than there are cores; absent where it is not. */
  threadsReason?: string;
  /** On wasm: which build of this library's kernels runs, whichever is faster on this machine. */
  simd?: 'simd' | 'relaxed-simd';
  /** On webgpu: what the device got beyond the least that every device has. */
  gpu?: DeviceCapabilities;
  /** On webgpu: how blocks keep what lies inside of them; see `setupBackend`. */
  precision?: Precision;
  /** The better backends that the last automatic `setupBackend` could not use; empty when one was named. */
  skipped: SkippedBackend[];
}

interface Choice {
  threads: number | undefined;
  kernels: 'swint' | 'tfjs';
  skipped: readonly SkippedBackend[];
}

let lastChoice: Choice = {threads: undefined, kernels: 'swint', skipped: []};

/** Remembers what `setupBackend` was asked and what it passed over. */
export function recordChoice(choice: Choice): void {
  lastChoice = choice;
}

/**
 * What computation runs on at this moment, read from the active backend itself, so that it is right after a
 * `tf.setBackend` of the application's own too.
 *
 * @throws BackendError when no backend has been set up yet.
 */
export function backendReport(): BackendReport {
  const backend = tf.getBackend();
  if (!backend || !tf.engine().findBackend(backend)) {
    throw new BackendError(
      'backendReport: a backend must be active; none is yet (await setupBackend() first).',
    );
  }
  return {
    backend,
    ...describeDevice(backend, tf.backend()),
    ...describeThreads(backend, tf.backend()),
    skipped: lastChoice.skipped.map((skipped) => ({...skipped})),
  };
}

function describeThreads(
  name: string,
  backend: tf.KernelBackend,
): Pick<BackendReport, 'threads' | 'threadsReason' | 'simd'> {
  const asked = lastChoice.threads;
  if (name !== 'wasm') {
    const reason = "this library's threads are for the wasm backend";
    return {threads: 1, ...((asked ?? 1) > 1 && {threadsReason: reason})};
  }
  const {threads} = kernelModule(backend as BackendWasm);
  const reason = lastChoice.kernels === 'tfjs' ? "tfjs's own kernels were asked for" : whyNotShared();
  return {
    threads,
    ...(threads < (asked ?? coreCount()) && {threadsReason: reason}),
    simd: kernelBinary().relaxed ? 'relaxed-simd' : 'simd',
  };
}

/** The properties of the backends' classes that are read below; none is in the type of tf.backend(). */
interface BackendInternals {
  device?: GPUDevice & {adapterInfo?: AdapterDescription};
  adapterInfo?: AdapterDescription;
  wasm?: {tfjs: {getThreadsCount(): number}};
  isUsingGpuDevice?: boolean;
  gpgpu?: {gl: WebGLRenderingContext};
}

function describeDevice(
  name: string,
  backend: tf.KernelBackend,
): Pick<BackendReport, 'device' | 'software' | 'gpu' | 'precision'> {
  const {device, adapterInfo, wasm, isUsingGpuDevice, gpgpu} = backend as BackendInternals;
  switch (name) {
    case 'webgpu': {
      // tfjs's own copy keeps the vendor and the architecture only, for runtimes without GPUDevice.adapterInfo.
      const info = device?.adapterInfo ?? adapterInfo ?? {};
      return {
        device: describeAdapter(info),
        software: isSoftwareAdapter(info),
        ...(device && {gpu: describeCapabilities(device)}),
        precision: precisionInUse(),
      };
    }
    case 'webgl': {
      const gl = gpgpu?.gl;
      const renderer = gl ? rendererOf(gl) : 'unknown renderer';
      return {device: renderer, software: isSoftwareAdapter({description: renderer})};
    }
    case 'tensorflow':
      return {
        device: isUsingGpuDevice ? 'TensorFlow on a CUDA GPU' : 'TensorFlow on the CPU',
        software: false,
      };
    case 'wasm': {
      const {threads} = kernelModule(backend as BackendWasm);
      const simd = kernelBinary().relaxed ? 'relaxed SIMD' : 'SIMD';
      const stock = wasm?.tfjs.getThreadsCount() ?? 1;
      return {
        device: `WebAssembly with ${simd}, ${threads} thread(s) (tfjs's own kernels: ${stock})`,
        software: false,
      };
    }
    case 'cpu':
      return {device: 'JavaScript, one thread', software: false};
    default:
      return {device: name, software: false};
  }
}

/** @throws BackendError for a WebGL that computes on the CPU: tfjs refuses those that own up to it, but not all do. */
export function hardwareOnly(backend: tf.KernelBackend): void {
  const {device, software} = describeDevice('webgl', backend);
  if (!software) return;
  throw new BackendError(
    `webgl: an automatic choice takes hardware only; got the software renderer ${device} ` +
      "(name it to use it: setupBackend('webgl')).",
  );
}

function rendererOf(gl: WebGLRenderingContext): string {
  const debug = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}
