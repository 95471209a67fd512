/**
 * Conv2D and FusedConv2D for the wasm backend, in place of the stock ones:
 *
 *     y[b, p, q, d] = f(bias[d] + sum over kh, kw, c of
 *         x[b, p*sh + kh*dh - top, q*sw + kw*dw - left, c] * W[kh, kw, c, d])
 *
 * x [B, H, W, Cin], W [KH, KW, Cin, Cout], y [B, OH, OW, Cout]; cells outside of x do not count. float32, NHWC; anything
 * else goes to the stock kernel. Attributes as in tfjs-core. For bias and f see epilogue, and assembly/kernels/convolution.ts.
 *
 * The stock kernel of tfjs 4.22 leaves y at 0 for padding 'same' where a stride beyond the filter leaves cells over
 * (12 rows, 2 taps, stride 3), writes out of bounds for some dilations that differ (4 and 1) and for a y of no rows, and
 * ignores some paddings by number (stride 3, pad 1).
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {convolutionSizes} from '../../convolution_arguments.js';
import type {EpilogueAttrs, EpilogueInputs} from '../../epilogue.js';
import {joinPatches} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {setSizes} from '../primitives/convolution_sizes.js';
import {epilogueOf} from '../primitives/epilogue.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';

/** conv2d, and conv2d with what follows it; undefined is the stock kernel's to compute. */
export function conv2D(
  backend: BackendWasm,
  inputs: Inputs<'x' | 'filter'> & EpilogueInputs,
  attributes: tf.Conv2DAttrs & EpilogueAttrs,
): tf.TensorInfo | undefined {
  const {sizes, ours} = convolutionSizes(inputs, attributes);
  const epilogue = ours && epilogueOf(sizes.outChannels, inputs, attributes);
  if (!epilogue) return undefined;
  const {tensor, at} = output(backend, sizes.outShape);
  if (tf.util.sizeFromShape(sizes.outShape) === 0) {
    return tensor;
  }
  const {bias, activation} = epilogue.fused;
  kernelModule(backend).run((kernels) => {
    setSizes(kernels, joinPatches(sizes));
    const [x, filter] = [address(backend, inputs.x), address(backend, inputs.filter)];
    kernels.convolution(x, filter, at, address(backend, bias), activation);
  });
  return epilogue.rest(backend, tensor);
}
