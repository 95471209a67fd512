/** Random gradients of max pooling. */
import * as tf from '@tensorflow/tfjs';
import {type NdArray, ndArray} from '../../../kernels/reference/array.js';
import {type Draw, type TypedArray, tensorOf} from '../draw.js';
import type {FuzzCase} from '../fuzz_case.js';
import {type PoolingCase, pooled, pooledShape, poolingGradient} from '../references/max_pooling.js';
import {convolutionText, drawGradient, padOf} from './convolutions.js';

const float32 = (array: NdArray): TypedArray => ({...array, dtype: 'float32'});

/**
 * The kernel itself, with the float64 maxima, so that nothing depends on the stock forward pass. A third of the maps has
 * few different numbers, and so equal maxima.
 */
export function maxPoolGradient(draw: Draw): FuzzCase {
  const drawn = drawGradient(draw, {depthwise: true, dilates: false}).one;
  const [rows, columns] = drawn.filter;
  const one: PoolingCase = {...drawn, filter: [rows, columns, drawn.input[3], 1]};
  const random = draw.array(one.input);
  const ties = draw.chance(1 / 3);
  const x = ties ? float32(ndArray(one.input, random.data.map(Math.round))) : random;
  const y = float32(ndArray(pooledShape(one), pooled(one, x)));
  const dy = draw.array(pooledShape(one));
  return {
    text: `gradient of maxPool${ties ? ' with equal maxima' : ''}, ${convolutionText(one)}`,
    run: () => {
      const inputs = {dy: tensorOf(dy), input: tensorOf(x), output: tensorOf(y)};
      const attributes = {
        filterSize: [rows, columns],
        strides: one.strides,
        pad: padOf(one),
        dimRoundingMode: one.rounding,
      } as unknown as tf.NamedAttrMap;
      return [tf.engine().runKernel(tf.MaxPoolGrad, inputs, attributes) as tf.Tensor];
    },
    expected: () => [poolingGradient(one, x, dy).expected()],
  };
}
