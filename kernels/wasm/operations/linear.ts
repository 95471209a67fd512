/**
 * linear and its gradients on the wasm backend: assembly/kernels/product.ts and linear_grad.ts. Contract: contracts/linear.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {LinearAttrs} from '../../contracts/linear.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

type Inputs = 'x' | 'weight' | 'bias' | 'residual' | 'sampleScale';

/** What `tf.registerKernel` takes. */
export const linearConfig = wasmKernel<Inputs, LinearAttrs & {save: boolean}>(
  'SwintLinear',
  (backend, {x, weight, bias, residual, sampleScale}, {activation, save}) => {
    const [k, n] = weight.shape as [number, number];
    const m = tf.util.sizeFromShape(x.shape.slice(0, -1));
    const shape = [...x.shape.slice(0, -1), n];
    const gelu = activation === 'gelu';
    const y = output(backend, shape);
    const z = gelu && save ? output(backend, [m, n]) : undefined;
    const [xAt, biasAt, residualAt, scaleAt] = [x, bias, residual, sampleScale].map((tensor) =>
      address(backend, tensor),
    );
    if (m * n > 0) {
      kernelModule(backend).run((kernels, packed) => {
        const panels = packed.panels(weight, address(backend, weight), {k, n, transposed: false}, m);
        const scaleRows = m / (x.shape[0] || 1);
        kernels.productRows(
          xAt,
          4 * k,
          panels,
          y.at,
          m,
          n,
          k,
          biasAt,
          gelu ? 1 : 0,
          z?.at ?? 0,
          scaleAt,
          scaleRows,
          residualAt,
        );
      });
    }
    return z ? [y.tensor, z.tensor] : [y.tensor];
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradOutputConfig = wasmKernel<'dy' | 'z' | 'sampleScale', object>(
  'SwintLinearGradOutput',
  (backend, {dy, z, sampleScale}) => {
    const n = dy.shape[dy.shape.length - 1];
    const m = tf.util.sizeFromShape(dy.shape.slice(0, -1));
    const g = output(backend, [m, n]);
    if (m * n > 0) {
      const [dyAt, zAt, scaleAt] = [dy, z, sampleScale].map((tensor) => address(backend, tensor));
      const scaleRows = m / (dy.shape[0] || 1);
      kernelModule(backend).run((kernels) =>
        kernels.linearGradOutput(dyAt, zAt, scaleAt, scaleRows, g.at, m, n),
      );
    }
    return g.tensor;
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradXConfig = wasmKernel<'g' | 'weight', {shape: number[]}>(
  'SwintLinearGradX',
  (backend, {g, weight}, {shape}) => {
    const [k, n] = weight.shape as [number, number];
    const m = g.shape[0];
    const dx = output(backend, shape);
    if (m * k > 0) {
      const gAt = address(backend, g);
      kernelModule(backend).run((kernels, packed) => {
        const panels = packed.panels(weight, address(backend, weight), {k: n, n: k, transposed: true}, m);
        kernels.productRows(gAt, 4 * n, panels, dx.at, m, k, n, 0, 0, 0, 0, 1, 0);
      });
    }
    return dx.tensor;
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradWeightConfig = wasmKernel<'g' | 'x', object>(
  'SwintLinearGradWeight',
  (backend, {g, x}) => {
    const [m, n] = g.shape as [number, number];
    const k = x.shape[x.shape.length - 1];
    const dw = output(backend, [k, n]);
    if (k * n > 0) {
      const [xAt, gAt] = [address(backend, x), address(backend, g)];
      kernelModule(backend).run((kernels) => kernels.productColumns(xAt, 4 * k, gAt, 4 * n, dw.at, k, n, m));
    }
    return dw.tensor;
  },
);
