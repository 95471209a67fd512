/**
 * Gets a tfjs backend registered under its name, or says why that cannot be: one function per backend.
 *
 * In Node the backend's package is loaded when it is installed. A browser page has no package resolution, so there the
 * page imports the packages it wants and this only looks at what they registered.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {registerAgain} from '../../kernels/wasm/runtime/backend_removal.js';
import {isBroken, keepValues} from '../../kernels/wasm/runtime/guarded_module.js';
import {BackendError} from '../errors.js';
import {importOptional, missingBackend} from './optional_package.js';
import {isNode} from './platform.js';
import {loadTensorFlow} from './tensorflow.js';
import {registerWebGPU} from './webgpu.js';

/** The backends that `setupBackend` knows. */
export type BackendName = 'tensorflow' | 'webgpu' | 'wasm' | 'webgl' | 'cpu';

/** How to make each backend that was registered once, for the case that the application has taken it away since. */
const known = new Map<BackendName, Registration>();
type Registration = ReturnType<typeof tf.engine>['registryFactory'][string];

/**
 * Makes sure that `name` is registered with tfjs; does not activate it.
 *
 * @param software whether a software GPU driver, and for tensorflow a CPU, will do.
 * @throws BackendError that says why not and what to install.
 */
export async function registerBackend(name: BackendName, software: boolean): Promise<void> {
  // Its package registers it as it is first loaded, and not again. wasm and webgpu have more to bring back.
  const before = known.get(name);
  if (before && !tf.findBackendFactory(name)) tf.registerBackend(name, before.factory, before.priority);
  await register(name, software);
  if (name !== 'wasm' && name !== 'webgpu') known.set(name, tf.engine().registryFactory[name]);
}

async function register(name: BackendName, software: boolean): Promise<void> {
  switch (name) {
    case 'tensorflow': {
      const packageName = await loadTensorFlow(!software);
      if (packageName) assertRegistered(name, packageName);
      return;
    }
    case 'webgpu':
      return registerWebGPU(software);
    case 'webgl':
      if (isNode() && !tf.findBackendFactory(name)) {
        throw missingBackend(
          'webgl: it runs in browsers; got Node (use webgpu: npm install webgpu @tensorflow/tfjs-backend-webgpu).',
        );
      }
      return registerPackage(name);
    default:
      return registerPackage(name);
  }
}

/** cpu, wasm and webgl: a package `@tensorflow/tfjs-backend-<name>` that registers itself when it is imported. */
async function registerPackage(name: 'wasm' | 'webgl' | 'cpu'): Promise<void> {
  if (name === 'wasm' && typeof WebAssembly === 'undefined') {
    throw missingBackend(
      'wasm: the engine must have WebAssembly; it has none (node without --jitless; a browser without lockdown).',
    );
  }
  if (name === 'wasm') removeBroken();
  if (tf.findBackendFactory(name) || (name === 'wasm' && registerAgain())) {
    if (name === 'wasm') checkCompiles();
    return;
  }
  const packageName = `@tensorflow/tfjs-backend-${name}`;
  if (!isNode()) {
    throw missingBackend(`${name}: the page must import its package; got none (import '${packageName}').`);
  }
  if (!(await importOptional(packageName))) {
    throw missingBackend(
      `${name}: ${packageName} must be installed; it is not (npm install ${packageName}).`,
    );
  }
  assertRegistered(name, packageName);
}

/** Takes a wasm backend away one of whose kernels was aborted; the next start makes another. */
function removeBroken(): void {
  const made = tf.engine().registry.wasm as BackendWasm | undefined;
  if (!made || !isBroken(made)) return;
  keepValues(made);
  tf.removeBackend('wasm');
}

/** The shortest module: magic number and version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** @throws BackendError where a page may not compile WebAssembly; tfjs would say that it lacks a file. */
function checkCompiles(): void {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (error) {
    throw new BackendError(
      `wasm: WebAssembly must compile here; got "${(error as Error).message}" (a Content-Security-Policy has to allow it: ` +
        "script-src 'self' 'wasm-unsafe-eval').",
      {cause: error},
    );
  }
}

/** A package can load and register nothing, for example when it sees another global scope than ours. */
function assertRegistered(name: BackendName, packageName: string): void {
  if (!tf.findBackendFactory(name)) {
    throw new BackendError(
      `${name}: ${packageName} must register its backend as it loads; it did not (it does so once in a process: call ` +
        `setupBackend before tf.removeBackend('${name}'); and see that there is one @tensorflow/tfjs-core: ` +
        'npm ls @tensorflow/tfjs-core).',
    );
  }
}
