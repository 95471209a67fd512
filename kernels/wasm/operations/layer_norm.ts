/** layerNorm and its gradient on the wasm backend: assembly/kernels/layer_norm.ts. Contract: contracts/layer_norm. */
import * as tf from '@tensorflow/tfjs-core';
import type {LayerNormAttrs} from '../../contracts/layer_norm.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

type Inputs = 'x' | 'gamma' | 'beta' | 'residual' | 'sampleScale';
type GradInputs = 'dy' | 'x' | 'mean' | 'inverse' | 'gamma' | 'sampleScale';

/** Number of rows and channels of a tensor that is normalised along its last axis. */
function matrixSize(shape: number[]): [number, number] {
  const channels = shape[shape.length - 1];
  return [tf.util.sizeFromShape(shape.slice(0, -1)), channels];
}

/** What `tf.registerKernel` takes. */
export const layerNormConfig = wasmKernel<Inputs, LayerNormAttrs & {save: boolean}>(
  'SwintLayerNorm',
  (backend, {x, gamma, beta, residual, sampleScale}, {epsilon, save}) => {
    const [rows, channels] = matrixSize(x.shape);
    const y = output(backend, x.shape);
    const mean = save ? output(backend, [rows, 1]) : undefined;
    const inverse = save ? output(backend, [rows, 1]) : undefined;
    if (rows * channels > 0) {
      const [xAt, gammaAt, betaAt, residualAt, scaleAt] = [x, gamma, beta, residual, sampleScale].map(
        (tensor) => address(backend, tensor),
      );
      const scaleRows = rows / (x.shape[0] || 1);
      kernelModule(backend).run((kernels) =>
        kernels.layerNorm(
          xAt,
          gammaAt,
          betaAt,
          y.at,
          mean?.at ?? 0,
          inverse?.at ?? 0,
          rows,
          channels,
          epsilon,
          scaleAt,
          scaleRows,
          residualAt,
        ),
      );
    }
    return mean && inverse ? [y.tensor, mean.tensor, inverse.tensor] : [y.tensor];
  },
);

/** What `tf.registerKernel` takes. */
export const layerNormGradConfig = wasmKernel<GradInputs, object>(
  'SwintLayerNormGrad',
  (backend, {dy, x, mean, inverse, gamma, sampleScale}) => {
    const [rows, channels] = matrixSize(x.shape);
    const dx = output(backend, x.shape);
    const dgamma = output(backend, [channels]);
    const dbeta = output(backend, [channels]);
    const [dyAt, xAt, meanAt, inverseAt, gammaAt, scaleAt] = [dy, x, mean, inverse, gamma, sampleScale].map(
      (tensor) => address(backend, tensor),
    );
    kernelModule(backend).run((kernels) =>
      kernels.layerNormGrad(
        dyAt,
        xAt,
        meanAt,
        inverseAt,
        gammaAt,
        dx.at,
        dgamma.at,
        dbeta.at,
        rows,
        channels,
        scaleAt,
        rows / (x.shape[0] || 1),
      ),
    );
    return [dx.tensor, dgamma.tensor, dbeta.tensor];
  },
);
