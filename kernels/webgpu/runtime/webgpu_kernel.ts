/** The shape of a kernel for tfjs's webgpu backend. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {kernelsFor} from '../../kernel_config.js';

export const webgpuKernel = kernelsFor<WebGPUBackend>('webgpu');
