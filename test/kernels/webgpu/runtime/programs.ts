/** Which shaders a computation runs. */
import * as tf from '@tensorflow/tfjs';

interface Recorded extends tf.KernelBackend {
  recordAndSubmit(program: {name?: string}, ...rest: unknown[]): void;
}

/** A name per dispatch, in order: that of a shader of this library, or the class of a stock one of tfjs. */
export function programsOf(compute: () => tf.TensorContainer): string[] {
  const backend = tf.backend() as Recorded;
  const original = backend.recordAndSubmit;
  const names: string[] = [];
  backend.recordAndSubmit = (program, ...rest) => {
    names.push(program.name ?? program.constructor.name);
    original.call(backend, program, ...rest);
  };
  try {
    tf.dispose(tf.tidy(compute as () => tf.Tensor));
  } finally {
    backend.recordAndSubmit = original;
  }
  return names;
}
