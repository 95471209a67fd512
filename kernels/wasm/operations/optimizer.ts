/** adamUpdate and sgdUpdate for the wasm backend, variable by variable: contracts/optimizer, assembly/kernels/optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import {type AdamAttrs, byNumber, type SgdAttrs} from '../../contracts/optimizer.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. Returns value, m and v of each variable. */
export const adamUpdateConfig = wasmKernel<string, AdamAttrs>(
  'SwintAdamUpdate',
  (backend, inputs, {beta1, beta2, rate, epsilon, decay}) =>
    byNumber<'value' | 'gradient' | 'm' | 'v'>(inputs).flatMap(({value, gradient, m, v}, i) => {
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
            decay[i],
          ),
        );
      }
      return outputs.map(({tensor}) => tensor);
    }),
);

/** What `tf.registerKernel` takes. Returns value and, where there is one, velocity of each variable. */
export const sgdUpdateConfig = wasmKernel<string, SgdAttrs>(
  'SwintSgdUpdate',
  (backend, inputs, {learningRate, momentum, nesterov, weightDecay}) =>
    byNumber<'value' | 'gradient' | 'velocity'>(inputs).flatMap(({value, gradient, velocity}, i) => {
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
            weightDecay[i],
          ),
        );
      }
      return newVelocity ? [newValue.tensor, newVelocity.tensor] : [newValue.tensor];
    }),
);
