/**
 * What happens when the application takes tfjs's wasm backend away, `tf.removeBackend('wasm')`: the workers end. tfjs
 * forgets how to make the backend, and its package, loaded before, does not tell it again; so that is kept here.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {disposeKernelModule} from './module.js';

let registration: {factory: Parameters<typeof tf.registerBackend>[1]; priority: number} | undefined;

/** The same kernel, told by tfjs when the backend is about to go. */
export function toldOfRemoval(config: tf.KernelConfig): tf.KernelConfig {
  return {
    ...config,
    disposeFunc: (backend) => {
      registration = tf.engine().registryFactory.wasm;
      disposeKernelModule(backend as BackendWasm);
    },
  };
}

/** Registers a removed backend again. False where none was removed. */
export function registerAgain(): boolean {
  return (
    registration !== undefined && tf.registerBackend('wasm', registration.factory, registration.priority)
  );
}
