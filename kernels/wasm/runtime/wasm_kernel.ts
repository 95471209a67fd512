/** The shape of a kernel for tfjs's wasm backend. */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {kernelsFor} from '../../kernel_config.js';

export const wasmKernel = kernelsFor<BackendWasm>('wasm');
