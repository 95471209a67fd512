/** Shapes as tfjs hands them to layers. */
import type * as tfl from '@tensorflow/tfjs-layers';

/** The shape of a layer's one input, which tfjs gives alone or in a list. */
export function singleShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tfl.Shape;
}
