/** What computation runs on, for logs, reports and bug reports. */

import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';
import {type AdapterDescription, describeAdapter, isSoftwareAdapter} from './adapter.js';

/** A backend that an automatic choice passed over. */
export interface SkippedBackend {
  backend: string;
  /** The message of the BackendError that naming it would have thrown. */
  reason: string;
}

/** The answer of `backendReport`. */
export interface BackendReport {
  /** tfjs's name of the active backend. */
  backend: string;
  /** What it runs on, in words, such as `nvidia hopper (NVIDIA H200)`. */
  device: string;
  /** Whether it is a GPU backend on a driver that computes on the CPU. False for the CPU's own backends. */
  software: boolean;
  /** The threads asked for in `setupBackend`, or undefined where none were. */
  threads: number | undefined;
  /** The better backends that the last automatic `setupBackend` could not use; empty when one was named. */
  skipped: SkippedBackend[];
}

interface Choice {
  threads: number | undefined;
  skipped: readonly SkippedBackend[];
}

let lastChoice: Choice = {threads: undefined, skipped: []};

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
  const {device, software} = describeDevice(backend, tf.backend());
  return {
    backend,
    device,
    software,
    threads: lastChoice.threads,
    skipped: lastChoice.skipped.map((skipped) => ({...skipped})),
  };
}

/** The properties of the backends' classes that are read below; none is in the type of tf.backend(). */
interface BackendInternals {
  device?: {adapterInfo?: AdapterDescription};
  adapterInfo?: AdapterDescription;
  wasm?: {tfjs: {getThreadsCount(): number}};
  isUsingGpuDevice?: boolean;
  gpgpu?: {gl: WebGLRenderingContext};
}

function describeDevice(name: string, backend: tf.KernelBackend): {device: string; software: boolean} {
  const {device, adapterInfo, wasm, isUsingGpuDevice, gpgpu} = backend as BackendInternals;
  switch (name) {
    case 'webgpu': {
      // tfjs's own copy keeps the vendor and the architecture only, for runtimes without GPUDevice.adapterInfo.
      const info = device?.adapterInfo ?? adapterInfo ?? {};
      return {device: describeAdapter(info), software: isSoftwareAdapter(info)};
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
      const simd = tf.env().get('WASM_HAS_SIMD_SUPPORT') ? 'WebAssembly with SIMD' : 'WebAssembly';
      return {
        device: `${simd}, tfjs kernels on ${wasm?.tfjs.getThreadsCount() ?? 1} thread(s)`,
        software: false,
      };
    }
    case 'cpu':
      return {device: 'JavaScript, one thread', software: false};
    default:
      return {device: name, software: false};
  }
}

function rendererOf(gl: WebGLRenderingContext): string {
  const debug = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}
