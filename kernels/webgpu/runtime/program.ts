/**
 * Runs a shader of this library on tfjs's webgpu backend.
 *
 * A shader is a text made of parameters alone, and its pipeline is kept under its name and those parameters: whatever
 * changes the text is part of the key. Sizes that differ from call to call are uniforms, not parameters.
 *
 * The common pattern of all shaders, which `shaderText` makes around a body:
 *
 *   const SIZE: u32           invocations of a workgroup, in one row
 *   u.<name>                  the uniforms; u.groups, the number of workgroups that have work
 *   <name>                    the buffers, in the order of the bindings
 *   group, lane               the number of the workgroup, from 0 to u.groups - 1, and of the invocation in it
 *   subgroupLength            with the parameter `subgroups`: invocations of a subgroup
 *
 * Workgroups are numbered through two dimensions of the dispatch, because one holds no more than 65,535.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';

/** What a shader reads or writes: WGSL element type and, for results, 'out'. */
export interface Binding {
  name: string;
  /** Element of the array. */
  type: 'f32' | 'vec4f' | 'vec2u' | 'i32';
  access: 'in' | 'out';
}

/** Parameters: numbers, booleans and words; undefined is the same as absent. */
export type Parameters = Record<string, number | boolean | string | undefined>;

export interface Shader<P> {
  /** Name of the shader, unique. */
  name: string;
  /** Invocations of a workgroup. */
  size(parameters: P): number;
  /** Uniforms by name: unsigned whole numbers, signed ones, and floating-point ones. */
  uniforms: Readonly<Record<string, 'u32' | 'i32' | 'f32'>>;
  bindings(parameters: P): Binding[];
  /** Extensions of WGSL that it needs. */
  extensions?(parameters: P): string[];
  /** Built-in values that it takes beyond group and lane, as parameters of the function. */
  builtins?(parameters: P): string[];
  /** Declarations outside of the function: workgroup memory, helper functions. */
  declarations?(parameters: P): string;
  /** What one workgroup does. */
  body(parameters: P): string;
}

/** Most workgroups of one dimension of a dispatch, on every device. */
const MOST_GROUPS = 65_535;

/** Under which name a pipeline is kept. */
export function shaderKey<P>(shader: Shader<P>, parameters: P): string {
  const given = Object.entries(parameters as Parameters).filter(([, value]) => value !== undefined);
  return `${shader.name} ${JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}

/** The device that a backend runs on. */
export const deviceOf = (backend: WebGPUBackend): GPUDevice => (backend as unknown as Internals).device;

/** Whether shaders for this backend may have the parameter `subgroups`. */
export function hasSubgroups(backend: WebGPUBackend): true | undefined {
  return deviceOf(backend).features.has('subgroups') || undefined;
}

/** The whole WGSL text of a shader. */
export function shaderText<P>(shader: Shader<P>, parameters: P): string {
  const bindings = shader.bindings(parameters);
  const buffers = bindings.map(
    ({name, type, access}, i) =>
      `@group(0) @binding(${i}) var<storage, ${access === 'in' ? 'read' : 'read_write'}> ${name}: array<${type}>;`,
  );
  const uniforms = Object.entries(shader.uniforms).map(([name, type]) => `  ${name}: ${type},`);
  const {subgroups} = parameters as Parameters;
  const extensions = shader.extensions?.(parameters) ?? (subgroups ? ['subgroups'] : []);
  return `${extensions.map((name) => `enable ${name};\n`).join('')}const SIZE: u32 = ${shader.size(parameters)}u;
struct Uniforms {
  unused: i32,
  groups: u32,
${uniforms.join('\n')}
}
${buffers.join('\n')}
@group(0) @binding(${bindings.length}) var<uniform> u: Uniforms;
${subgroups ? 'var<private> subgroupLength: u32;' : ''}
${shader.declarations?.(parameters) ?? ''}
@compute @workgroup_size(${shader.size(parameters)})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) counts: vec3u,
  @builtin(local_invocation_index) lane: u32,
  ${subgroups ? '@builtin(subgroup_size) lengthOfSubgroup: u32,' : ''}
  ${(shader.builtins?.(parameters) ?? []).map((builtin) => `${builtin},`).join(' ')}
) {
  ${subgroups ? 'subgroupLength = lengthOfSubgroup;' : ''}
  let group = workgroup.x + workgroup.y * counts.x;
  if (group >= u.groups) { return; }
${shader.body(parameters)}
}
`;
}

/** What is used of the backend beyond its typings. */
interface Internals {
  device: GPUDevice;
  commandEncoder: GPUCommandEncoder;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  uploadToGPU(dataId: tf.DataId): void;
  tensorMap: {get(dataId: tf.DataId): {values?: tf.backend_util.BackendValues; resource: GPUBuffer}};
  recordAndSubmit(
    program: object,
    output: tf.TensorInfo,
    inputs: tf.TensorInfo[],
    uniforms: {type: string; data: number[]}[],
  ): void;
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
  const tensors = shader.bindings(parameters).map(({name}) => {
    const tensor = buffers[name];
    if (!tensor) throw new Error(`webgpu: shader ${shader.name} needs the buffer ${name}; got none.`);
    internals.uploadToGPU(tensor.dataId);
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
