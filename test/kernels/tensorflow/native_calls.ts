/** Counts what is asked of TensorFlow itself, by the addon of tfjs-node. */
import * as tf from '@tensorflow/tfjs';

/** What is used of the addon. */
interface Binding {
  executeOp(name: string, ...rest: unknown[]): unknown;
  getNumOfTensors(): number;
}

const backend = () => tf.backend() as unknown as {binding: Binding};

/** How many tensors TensorFlow holds. */
export const nativeTensors = (): number => backend().binding.getNumOfTensors();

/** How often each operation of TensorFlow is called. */
export function countCalls<T>(run: () => T): {calls: Map<string, number>; result: T} {
  const owner = backend();
  const {binding} = owner;
  const calls = new Map<string, number>();
  const executeOp: Binding['executeOp'] = (name, ...rest) => {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    return binding.executeOp(name, ...rest);
  };
  // The addon's own object cannot be written to.
  owner.binding = Object.create(binding, {executeOp: {value: executeOp}});
  try {
    return {result: run(), calls};
  } finally {
    owner.binding = binding;
  }
}
