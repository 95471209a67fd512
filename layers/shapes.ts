/** Shapes as tfjs hands them to layers. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError, ShapeError} from '../kernels/common/errors.js';
import {showShape} from '../kernels/common/shapes.js';
import {showValue} from '../kernels/common/show_value.js';
import type {ApplyInput} from './tfjs_types.js';

/** The shape of a layer's one input, which tfjs gives alone or in a list. */
export function singleShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tfl.Shape;
}

/** What a layer's call is given: one tensor, alone or in a list. */
export function singleInput(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0] : inputs;
}

/** Throws ConfigError unless a layer is called with tensors that are there. */
export function checkInputs(who: string, inputs: unknown): asserts inputs is ApplyInput {
  for (const input of Array.isArray(inputs) ? inputs : [inputs]) {
    if (!(input instanceof tf.Tensor || input instanceof tfl.SymbolicTensor)) {
      throw new ConfigError(
        `${who}: the input must be a tensor; got ${showValue(input)} (tf.tensor makes one).`,
      );
    }
    if (input instanceof tf.Tensor && input.isDisposed) {
      throw new ConfigError(`${who}: the input must still be there; got a tensor that is disposed.`);
    }
  }
}

/** Throws ConfigError or ShapeError unless a layer is called with one tensor of the type that it computes with. */
export function checkInput(who: string, inputs: ApplyInput): void {
  checkInputs(who, inputs);
  const list = (Array.isArray(inputs) ? inputs : [inputs]) as (tf.Tensor | tfl.SymbolicTensor)[];
  if (list.length !== 1) {
    const shapes = list.map(({shape}) => showShape(shape)).join(' and ');
    throw new ShapeError(
      `${who}: the layer must have one input; got ${list.length}, ${shapes} (join them first, for example with ` +
        'tf.layers.add or tf.layers.concatenate).',
    );
  }
  const [{dtype}] = list;
  if (dtype !== 'float32') {
    throw new ConfigError(
      `${who}: the input must be float32; got ${dtype} (tf.cast(x, 'float32') makes it so).`,
    );
  }
}

/** The shapes of a layer's two inputs, both maps; `form` says in messages how their axes lie. */
export function twoMapShapes(
  who: string,
  form: string,
  shapes: tfl.Shape | tfl.Shape[],
): [tfl.Shape, tfl.Shape] {
  const [first, second] = shapes as tfl.Shape[];
  const maps = (shapes as tfl.Shape[]).filter((shape) => Array.isArray(shape) && shape.length === 4);
  if (shapes.length !== 2 || maps.length !== 2) {
    throw new ShapeError(`${who}: the inputs must be two maps ${form}; got ${showValue(shapes)}.`);
  }
  return [first, second];
}
