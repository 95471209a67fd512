/**
 * UnsortedSegmentSum for the wasm backend, which has none: the gradient of gather, and thereby of every embedding and
 * of Swin's relative position bias.
 *
 *     y[s, ...] = sum over i with segmentIds[i] = s of x[i, ...]
 *
 * x [N, ...] of any type but string and complex, segmentIds [N] int32, y [numSegments, ...]: float32 for float32, int32
 * for int32 and bool. Ids below 0 or from numSegments on are left out, as on tfjs's other backends. Sums are kept in
 * float64, where the order of the rows does not show.
 */

import * as tf from '@tensorflow/tfjs-core';
import {ShapeError} from '../../common/errors.js';
import {showShape} from '../../common/shapes.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const unsortedSegmentSumConfig = wasmKernel<'x' | 'segmentIds', tf.UnsortedSegmentSumAttrs>(
  tf.UnsortedSegmentSum,
  (backend, {x, segmentIds}, attributes) => {
    const {numSegments} = attributes;
    const rows = x.shape[0] ?? 0;
    if (segmentIds.shape.length !== 1 || segmentIds.shape[0] !== rows || x.shape.length === 0) {
      throw new ShapeError(
        `UnsortedSegmentSum(wasm): segmentIds must be [N] for x [N, ...]; got segmentIds ${showShape(segmentIds.shape)} ` +
          `and x ${showShape(x.shape)} (reshape the segmented axes of x into one).`,
      );
    }
    const inner = x.shape.slice(1);
    const size = tf.util.sizeFromShape(inner);
    const y = backend.makeOutput([numSegments, ...inner], x.dtype === 'float32' ? 'float32' : 'int32');
    // Views are taken after the allocation, which can grow and thereby replace the heap.
    const xValues = backend.typedArrayFromHeap(x);
    const ids = backend.typedArrayFromHeap(segmentIds);
    const sums = new Float64Array(numSegments * size);
    for (let row = 0; row < rows; row++) {
      const id = ids[row]!;
      if (id < 0 || id >= numSegments) {
        continue;
      }
      const from = row * size;
      const to = id * size;
      for (let k = 0; k < size; k++) {
        sums[to + k]! += xValues[from + k]!;
      }
    }
    backend.typedArrayFromHeap(y).set(sums);
    return y;
  },
);
