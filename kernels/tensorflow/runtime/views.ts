/**
 * Reshapes without a call of TensorFlow: the result is the same data under another shape, as on tfjs's other backends.
 *
 * TensorFlow's own tensor keeps the shape that it was computed in. An operation that takes a view of another shape makes it
 * TensorFlow's Reshape first, which copies nothing and is kept with the data for the next operation. So reshapes that follow
 * each other are one, and one whose result is only read or reshaped back is none.
 */
import * as tf from '@tensorflow/tfjs-core';
import {INT, type NativeBackend, type NativeData, nativeAttributes} from './native.js';

/** TensorFlow's tensors of the views of some data, by shape. */
const viewsOf = new WeakMap<NativeData, Map<string, number>>();

const prepared = new WeakSet<NativeBackend>();

/** x under another shape. */
export function view(backend: NativeBackend, {dataId, dtype}: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  prepare(backend);
  backend.incRef(dataId);
  return {dataId, shape, dtype};
}

/** Makes a backend resolve views where operations take them, and give them up with their data. */
function prepare(backend: NativeBackend): void {
  if (prepared.has(backend)) return;
  prepared.add(backend);
  const {getInputTensorIds, disposeData} = backend;
  backend.getInputTensorIds = (inputs) => {
    const ids = getInputTensorIds.call(backend, inputs);
    return ids.map((id, i) => idOfView(backend, inputs[i], id));
  };
  backend.disposeData = (dataId, force) => {
    const data = backend.tensorMap.has(dataId) ? backend.tensorMap.get(dataId) : undefined;
    const disposed = disposeData.call(backend, dataId, force);
    if (data && disposed) {
      for (const id of viewsOf.get(data)?.values() ?? []) backend.binding.deleteTensor(id);
      viewsOf.delete(data);
    }
    return disposed;
  };
}

/** TensorFlow's tensor of the shape of `input`; `id` is that of its data. */
function idOfView(backend: NativeBackend, input: tf.TensorInfo, id: number): number {
  // Numbers of 64 bits, which some operations take, have no data.
  const data = input.dataId && backend.tensorMap.get(input.dataId);
  if (!data || tf.util.arraysEqual(data.shape, input.shape)) return id;
  const views = viewsOf.get(data) ?? new Map<string, number>();
  viewsOf.set(data, views);
  const key = `${input.shape}`;
  const known = views.get(key);
  if (known !== undefined) return known;
  const {binding} = backend;
  const shape = binding.createTensor([input.shape.length], binding.TF_INT32, Int32Array.from(input.shape));
  try {
    const attributes = nativeAttributes(backend, {Tshape: INT});
    const type = {name: 'T', type: binding.TF_ATTR_TYPE, value: data.dtype};
    const [made] = binding.executeOp('Reshape', [type, ...attributes], [id, shape], 1);
    views.set(key, made.id);
    return made.id;
  } finally {
    binding.deleteTensor(shape);
  }
}
