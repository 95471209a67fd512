/**
 * Conv2D and FusedConv2D for the wasm backend, in place of the stock ones:
 *
 *     y[b, p, q, d] = f(bias[d] + sum over kh, kw, c of
 *         x[b, p*sh + kh*dh - top, q*sw + kw*dw - left, c] * W[kh, kw, c, d])
 *
 * x [B, H, W, Cin], W [KH, KW, Cin, Cout], bias [Cout], y [B, OH, OW, Cout]; cells outside of x do not count. float32,
 * NHWC, f identity, ReLU or ReLU6; anything else goes to the stock kernel. Attributes as in tfjs-core. See
 * assembly/kernels/convolution.ts.
 *
 * The stock kernel of tfjs 4.22 leaves y at 0 for padding 'same' where a stride beyond the filter leaves cells over
 * (12 rows, 2 taps, stride 3), and writes out of bounds for some dilations that differ (4 and 1).
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {type Convolution, convolutionOf} from '../../convolution_arguments.js';
import {joinPatches} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {ACTIVATION_NUMBERS} from '../primitives/activation.js';
import {setSizes} from '../primitives/convolution_sizes.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';

function convolve(backend: BackendWasm, {x, filter, bias, sizes, activation}: Convolution): tf.TensorInfo {
  const {tensor, at} = output(backend, sizes.outShape);
  if (tf.util.sizeFromShape(sizes.outShape) === 0) {
    return tensor;
  }
  const f = ACTIVATION_NUMBERS[activation ?? 'linear'];
  kernelModule(backend).run((kernels) => {
    setSizes(kernels, joinPatches(sizes));
    kernels.convolution(address(backend, x), address(backend, filter), at, address(backend, bias), f);
  });
  return tensor;
}

/** conv2d, and conv2d with what follows it; undefined is the stock kernel's to compute. */
export function conv2D(
  backend: BackendWasm,
  inputs: Inputs<'x' | 'filter'> & Partial<Inputs<'bias'>>,
  attributes: tf.Conv2DAttrs | tf.FusedConv2DAttrs,
): tf.TensorInfo | undefined {
  const convolution = convolutionOf(inputs, attributes);
  return convolution && convolve(backend, convolution);
}
