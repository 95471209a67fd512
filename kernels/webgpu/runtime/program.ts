/**
 * Runs a shader on tfjs's webgpu backend: keeps its pipelines, makes the tensors that it writes, and hands the dispatch to
 * tfjs, which orders it among its own.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {type Shader, shaderKey, shaderText} from './shader.js';

/** Most workgroups of one dimension of a dispatch, on every device. */
const MOST_GROUPS = 65_535;

/** What is used of the backend beyond its typings. */
interface Internals {
  device: GPUDevice;
  commandEncoder: GPUCommandEncoder;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  uploadToGPU(dataId: tf.DataId): void;
  /** Whose buffers the commands that are not submitted yet use. */
  commandQueueOwnedIds: WeakSet<tf.DataId>;
  tensorMap: {get(dataId: tf.DataId): {values?: tf.backend_util.BackendValues; resource: GPUBuffer}};
  recordAndSubmit(
    program: object,
    output: tf.TensorInfo,
    inputs: tf.TensorInfo[],
    uniforms: {type: string; data: number[]}[],
  ): void;
}

/** The device that a backend runs on. */
export const deviceOf = (backend: WebGPUBackend): GPUDevice => (backend as unknown as Internals).device;

/** Whether shaders for this backend may have the parameter `subgroups`. */
export function hasSubgroups(backend: WebGPUBackend): boolean {
  return deviceOf(backend).features.has('subgroups');
}

/** What tfjs's recordAndSubmit reads; its class gives the name in profiles. */
class SwintProgram {
  /** 0 makes tfjs hand over our uniforms after a single number of its own. */
  readonly pixelsOpType = 0;
  constructor(
    readonly name: string,
    readonly pipeline: GPUComputePipeline,
    readonly dispatch: [number, number, number],
  ) {}
}

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

function pipelineOf<P>(device: GPUDevice, shader: Shader<P>, parameters: P): GPUComputePipeline {
  let kept = pipelines.get(device);
  if (!kept) {
    kept = new Map();
    pipelines.set(device, kept);
  }
  const key = shaderKey(shader, parameters);
  let pipeline = kept.get(key);
  if (!pipeline) {
    const module = device.createShaderModule({label: key, code: shaderText(shader, parameters)});
    pipeline = device.createComputePipeline({
      label: key,
      layout: 'auto',
      compute: {module, entryPoint: 'main'},
    });
    kept.set(key, pipeline);
  }
  return pipeline;
}

/** A new tensor on the GPU, float32 by default, its content not defined yet. */
export function output(
  backend: WebGPUBackend,
  shape: number[],
  dtype: 'float32' | 'int32' | 'bool' = 'float32',
): tf.TensorInfo {
  const made = backend.makeTensorInfo(shape, dtype);
  const internals = backend as unknown as Internals;
  if (tf.util.sizeFromShape(shape) === 0) {
    internals.tensorMap.get(made.dataId).values = dtype === 'int32' ? new Int32Array(0) : new Float32Array(0);
  } else {
    internals.uploadToGPU(made.dataId);
  }
  return made;
}

/** A new float32 tensor of the same numbers. */
export function copied(backend: WebGPUBackend, tensor: tf.TensorInfo): tf.TensorInfo {
  const made = output(backend, tensor.shape);
  const size = 4 * tf.util.sizeFromShape(tensor.shape);
  if (size === 0) return made;
  const internals = backend as unknown as Internals;
  internals.uploadToGPU(tensor.dataId);
  const [from, to] = [tensor, made].map(({dataId}) => internals.tensorMap.get(dataId).resource);
  internals.ensureCommandEncoderReady();
  internals.endComputePassEncoder();
  internals.commandEncoder.copyBufferToBuffer(from, 0, to, 0, size);
  for (const {dataId} of [tensor, made]) internals.commandQueueOwnedIds.add(dataId);
  return made;
}

/** A new float32 tensor of one value. */
export function filled(backend: WebGPUBackend, shape: number[], value: number): tf.TensorInfo {
  return backend.makeTensorInfo(shape, 'float32', new Float32Array(tf.util.sizeFromShape(shape)).fill(value));
}

/**
 * Dispatches a shader.
 *
 * @param buffers the tensors of its bindings, by name.
 * @param uniforms the values of its uniforms.
 * @param groups how many workgroups have work; 0 does nothing.
 */
export function run<P>(
  backend: WebGPUBackend,
  shader: Shader<P>,
  parameters: P,
  buffers: Readonly<Record<string, tf.TensorInfo | undefined>>,
  uniforms: Readonly<Record<string, number>>,
  groups: number,
): void {
  if (groups === 0) return;
  const internals = backend as unknown as Internals;
  const tensors = shader.bindings(parameters).map(({name, access}) => {
    const tensor = buffers[name];
    if (!tensor) throw new Error(`webgpu: shader ${shader.name} needs the buffer ${name}; got none.`);
    internals.uploadToGPU(tensor.dataId);
    // What tfjs keeps of an earlier read is no longer true of what is written in place.
    if (access === 'out') internals.tensorMap.get(tensor.dataId).values = undefined;
    return tensor;
  });
  const values = Object.entries(shader.uniforms).map(([name, type]) => {
    if (!(name in uniforms))
      throw new Error(`webgpu: shader ${shader.name} needs the uniform ${name}; got none.`);
    return {type: {u32: 'uint32', i32: 'int32', f32: 'float32'}[type], data: [uniforms[name]]};
  });
  const down = Math.ceil(groups / MOST_GROUPS);
  const across = Math.ceil(groups / down);
  const pipeline = pipelineOf(internals.device, shader, parameters);
  const program = new SwintProgram(shader.name, pipeline, [across, down, 1]);
  const [first, ...others] = tensors;
  // Of no axes: tfjs would put its strides before our uniforms.
  const scalar = {...first, shape: []};
  internals.recordAndSubmit(program, scalar, others, [{type: 'uint32', data: [groups]}, ...values]);
}
