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
import {joinPatches, type Shape4D} from '../../geometry/convolution.js';
import {setSizes} from '../primitives/convolution_sizes.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** f by the name that tfjs-core gives it, as the kernel knows it. */
const activations = new Map<string | undefined, number>([
  [undefined, 0],
  ['linear', 0],
  ['relu', 1],
  ['relu6', 2],
]);

/** What both kernels are told. */
type Attributes = Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dilations' | 'dataFormat' | 'dimRoundingMode'>;

/** y, or undefined where that is the stock kernel's to compute. */
function convolution(
  backend: BackendWasm,
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  {strides, pad, dilations, dataFormat, dimRoundingMode}: Attributes,
  bias?: tf.TensorInfo,
  activation?: string,
): tf.TensorInfo | undefined {
  const f = activations.get(activation);
  const tensors = bias ? [x, filter, bias] : [x, filter];
  if (dataFormat !== 'NHWC' || f === undefined || tensors.some(({dtype}) => dtype !== 'float32')) {
    return undefined;
  }
  const info = tf.backend_util.computeConv2DInfo(
    x.shape as Shape4D,
    filter.shape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    'channelsLast',
  );
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== info.outChannels)) {
    return undefined;
  }
  const {tensor, at} = output(backend, info.outShape);
  if (tf.util.sizeFromShape(info.outShape) === 0) {
    return tensor;
  }
  kernelModule(backend).run((kernels) => {
    setSizes(kernels, joinPatches(info));
    kernels.convolution(address(backend, x), address(backend, filter), at, address(backend, bias), f);
  });
  return tensor;
}

/** What `tf.registerKernel` takes for conv2d. `stock` is the kernel that it replaces. */
export function conv2DConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x' | 'filter', tf.Conv2DAttrs>(
    tf.Conv2D,
    (backend, {x, filter}, attributes) =>
      convolution(backend, x, filter, attributes) ??
      (stock.kernelFunc({
        inputs: {x, filter},
        backend,
        attrs: attributes as unknown as tf.NamedAttrMap,
      }) as tf.TensorInfo),
    stock.setupFunc,
  );
}

/** What `tf.registerKernel` takes for conv2d with what follows it. `stock` is the kernel that it replaces. */
export function fusedConv2DConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x' | 'filter' | 'bias' | 'preluActivationWeights', tf.FusedConv2DAttrs>(
    tf.FusedConv2D,
    (backend, inputs, attributes) =>
      convolution(backend, inputs.x, inputs.filter, attributes, inputs.bias, attributes.activation) ??
      (stock.kernelFunc({
        inputs,
        backend,
        attrs: attributes as unknown as tf.NamedAttrMap,
      }) as tf.TensorInfo),
    stock.setupFunc,
  );
}
