/**
 * Conv2DBackpropFilter for the webgpu backend, in place of the stock one, in which one invocation adds up a number of the
 * result over all images: see convolution.ts.
 *
 *     dW[i, j, c, d] = sum over b, p, q of x[b, p sh + i - top, q sw + j - left, c] dy[b, p, q, d]
 *
 * float32, NHWC; anything else goes to the stock kernel. Attributes as in tfjs-core, which has none for dilation: conv2d's
 * gradient refuses it. The sum is cut into parts and added up in a fixed order: the same bits each time.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {filterGradientSizes} from '../../convolution_arguments.js';
import {isEmpty} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {convolution} from '../primitives/convolution.js';
import {summed} from '../primitives/sum_parts.js';
import {partsOfSum} from '../primitives/tile_plan.js';
import {filled} from '../runtime/program.js';

/** dW; undefined is the stock kernel's to compute. */
export function conv2DBackpropFilter(
  backend: WebGPUBackend,
  inputs: Inputs<'x' | 'dy'>,
  attributes: tf.Conv2DBackpropFilterAttrs,
): tf.TensorInfo | undefined {
  const sizes = filterGradientSizes(inputs, attributes);
  if (!sizes) return undefined;
  const {filterShape} = attributes;
  if (isEmpty(sizes)) return filled(backend, filterShape, 0);
  const [rows, columns, inChannels, outChannels] = filterShape;
  const patches = sizes.batchSize * sizes.outHeight * sizes.outWidth;
  const parts = partsOfSum(patches, [[rows * columns * inChannels, outChannels]]);
  return summed(backend, filterShape, parts, (c) =>
    convolution(backend, {result: 'filter', sizes, a: inputs.x, b: inputs.dy, c, parts}),
  );
}
