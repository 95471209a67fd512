/** linear on the webgpu backend: one product. Contract: contracts/linear. */
import * as tf from '@tensorflow/tfjs-core';
import type {LinearAttrs} from '../../contracts/linear.js';
import {product} from '../primitives/product.js';
import {output} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';

type Inputs = 'x' | 'weight' | 'bias' | 'residual' | 'sampleScale';

/** What `tf.registerKernel` takes. */
export const linearConfig = webgpuKernel<Inputs, LinearAttrs & {save: boolean}>(
  'SwintLinear',
  (backend, {x, weight, bias, residual, sampleScale}, {activation, save}) => {
    const [k, n] = weight.shape as [number, number];
    const m = tf.util.sizeFromShape(x.shape.slice(0, -1));
    const gelu = activation === 'gelu';
    const y = output(backend, [...x.shape.slice(0, -1), n]);
    const z = gelu && save ? output(backend, [m, n]) : undefined;
    const scaleRows = Math.max(1, m / (x.shape[0] || 1));
    product(backend, {
      ...{m, n, k, a: x, b: weight, c: y, bias, gelu, z},
      ...{scale: sampleScale, scaleRows, addend: residual},
    });
    return z ? [y, z] : [y];
  },
);
