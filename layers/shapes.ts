/** Shapes as tfjs hands them to layers. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {ShapeError} from '../kernels/common/errors.js';
import {showValue} from '../kernels/common/show_value.js';

/** The shape of a layer's one input, which tfjs gives alone or in a list. */
export function singleShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tfl.Shape;
}

/** The shapes of a layer's two inputs, both maps; `form` says in messages how their axes lie. */
export function twoMapShapes(
  who: string,
  form: string,
  shapes: tfl.Shape | tfl.Shape[],
): [tfl.Shape, tfl.Shape] {
  const [first, second] = shapes as tfl.Shape[];
  if (!Array.isArray(first) || !Array.isArray(second) || first.length !== 4 || second.length !== 4) {
    throw new ShapeError(`${who}: the inputs must be two maps ${form}; got ${showValue(shapes)}.`);
  }
  return [first, second];
}
