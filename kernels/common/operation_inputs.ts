/** Checks of what an operation is given: every input a float32 tensor that is there, under a name that the operation has. */
import * as tf from '@tensorflow/tfjs-core';
import {ConfigError} from './errors.js';
import {checkArguments} from './known_arguments.js';
import {showValue} from './show_value.js';

/** The names of inputs that must be given, and of those that may be absent. */
type Required<Inputs> = {[K in keyof Inputs]-?: undefined extends Inputs[K] ? never : K}[keyof Inputs];
type Optional<Inputs> = Exclude<keyof Inputs, Required<Inputs>>;

/** The inputs of an operation and their shapes, for messages; `{...} satisfies InputShapes<Inputs>`. */
export interface InputShapes<Inputs> {
  required: Readonly<Record<Required<Inputs>, string>>;
  optional: Readonly<Record<Optional<Inputs>, string>>;
}

/** Any such table. */
interface AnyShapes {
  required: Readonly<Record<string, string>>;
  optional: Readonly<Record<string, string>>;
}

const named = ({required, optional}: AnyShapes): Record<string, true> =>
  Object.fromEntries(Object.keys({...required, ...optional}).map((name) => [name, true]));

/**
 * Throws ConfigError unless every required input is there, and all that are given are float32 tensors under known names.
 *
 * An operation converts nothing: what it would make of an array or of integers it could not give a gradient.
 */
export function checkTensors(operation: string, inputs: object, shapes: AnyShapes): void {
  checkArguments(operation, inputs, named(shapes));
  for (const [name, shape] of Object.entries({...shapes.required, ...shapes.optional})) {
    const input = (inputs as Record<string, unknown>)[name];
    if (input !== undefined) checkTensor(operation, name, input);
    else if (Object.hasOwn(shapes.required, name)) {
      throw new ConfigError(`${operation}: ${name} is required; got none (pass ${shape}).`);
    }
  }
}

/** Throws ConfigError unless this is a float32 tensor that is not disposed. */
export function checkTensor(operation: string, name: string, input: unknown): asserts input is tf.Tensor {
  if (!(input instanceof tf.Tensor)) {
    throw new ConfigError(
      `${operation}: ${name} must be a tensor; got ${shortly(input)} (tf.tensor makes one of numbers).`,
    );
  }
  if (input.isDisposed) {
    throw new ConfigError(`${operation}: ${name} must still be there; got a tensor that is disposed.`);
  }
  if (input.dtype !== 'float32') {
    throw new ConfigError(
      `${operation}: ${name} must be float32; got ${input.dtype} (tf.cast(${name}, 'float32') makes it so).`,
    );
  }
}

/** A value as messages show it, cut where it is long: an array may hold a million numbers. */
function shortly(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (Array.isArray(value) && value.flat(Infinity).length > 8) return `an array of ${value.length}`;
  return showValue(value);
}
