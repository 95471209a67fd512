/** adamUpdate and sgdUpdate for the wasm backend: contracts/optimizer, assembly/optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import type {AdamAttrs, SgdAttrs} from '../contracts/optimizer.js';
import {address, output} from './heap.js';
import {kernelModule} from './module.js';
import {wasmKernel} from './wasm_kernel.js';

/** What `tf.registerKernel` takes. Returns value, m and v. */
export const adamUpdateConfig = wasmKernel<'value' | 'gradient' | 'm' | 'v', AdamAttrs>(
  'SwintAdamUpdate',
  (backend, {value, gradient, m, v}, {beta1, beta2, rate, epsilon, decay}) => {
    const size = tf.util.sizeFromShape(value.shape);
    const outputs = [value, m, v].map(({shape}) => output(backend, shape));
    if (size > 0) {
      const at = (tensor: tf.TensorInfo) => address(backend, tensor);
      const [newValue, newM, newV] = outputs.map((one) => one.at);
      kernelModule(backend).run((kernels) =>
        kernels.adamUpdate(
          at(value),
          at(gradient),
          at(m),
          at(v),
          newValue,
          newM,
          newV,
          size,
          beta1,
          beta2,
          rate,
          epsilon,
          decay,
        ),
      );
    }
    return outputs.map(({tensor}) => tensor);
  },
);

/** What `tf.registerKernel` takes. Returns value and, where there is one, velocity. */
export const sgdUpdateConfig = wasmKernel<'value' | 'gradient' | 'velocity', SgdAttrs>(
  'SwintSgdUpdate',
  (backend, {value, gradient, velocity}, {learningRate, momentum, nesterov, weightDecay}) => {
    const size = tf.util.sizeFromShape(value.shape);
    const newValue = output(backend, value.shape);
    const newVelocity = velocity ? output(backend, velocity.shape) : undefined;
    if (size > 0) {
      const at = (tensor: tf.TensorInfo) => address(backend, tensor);
      kernelModule(backend).run((kernels) =>
        kernels.sgdUpdate(
          at(value),
          at(gradient),
          at(velocity),
          newValue.at,
          newVelocity?.at ?? 0,
          size,
          learningRate,
          momentum,
          nesterov ? 1 : 0,
          weightDecay,
        ),
      );
    }
    return newVelocity ? [newValue.tensor, newVelocity.tensor] : [newValue.tensor];
  },
);
