/**
 * adamUpdate and sgdUpdate on the webgpu backend: a dispatch for as many variables as the device has buffers for. Contract:
 * contracts/optimizer.
 *
 * m, v and velocity are written in place, which needs a buffer less for each; where a tensor shares its memory with another
 * one, a copy is written instead.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {type AdamAttrs, byNumber, type SgdAttrs} from '../../contracts/optimizer.js';
import {copied, deviceOf, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';

/** Variables of a dispatch. More than MOST are not worth their text. */
type Variables = {variables: number};
const MOST = 5;

const numbers = ({variables}: Variables) => Array.from({length: variables}, (_, i) => i);

/** Invocations of a workgroup; each has one number of a variable. */
const SIZE = 64;

/** The uniforms of each of MOST variables: its first workgroup, how many numbers it has, and its decay. */
const placeUniforms = Object.fromEntries(
  Array.from({length: MOST}, (_, i) => [
    [`first${i}`, 'u32'],
    [`size${i}`, 'u32'],
    [`decay${i}`, 'f32'],
  ]).flat(),
) as Record<string, 'u32' | 'f32'>;

/** Finds the variable of a workgroup; the last one's first, since those that are not there begin where all end. */
const eachVariable = (parameters: Variables, step: (i: number) => string) =>
  numbers(parameters)
    .reverse()
    .map(
      (i) => `
  if (group >= u.first${i}) {
    let i = (group - u.first${i}) * SIZE + lane;
    if (i < u.size${i}) {${step(i)}
    }
    return;
  }`,
    )
    .join('');

export const adamShader: Shader<Variables> = {
  name: 'adam_update',
  size: () => SIZE,
  uniforms: {beta1: 'f32', beta2: 'f32', rate: 'f32', epsilon: 'f32', ...placeUniforms},
  bindings: (parameters) =>
    numbers(parameters).flatMap((i) => [
      ...['newValue', 'm', 'v'].map((name) => writeBuffer(`${name}${i}`)),
      ...['value', 'gradient'].map((name) => readBuffer(`${name}${i}`)),
    ]),
  body: (parameters) =>
    eachVariable(
      parameters,
      (k) => `
      let g = gradient${k}[i];
      let first = u.beta1 * m${k}[i] + g;
      let second = u.beta2 * v${k}[i] + g * g;
      m${k}[i] = first;
      v${k}[i] = second;
      newValue${k}[i] = u.decay${k} * value${k}[i] - u.rate * first / (sqrt(second) + u.epsilon);`,
    ),
};

/** Momentum, if any: the usual one, or Nesterov's. */
type SgdParameters = Variables & {momentum?: 'classical' | 'nesterov'};

export const sgdShader: Shader<SgdParameters> = {
  name: 'sgd_update',
  size: () => SIZE,
  uniforms: {learningRate: 'f32', momentum: 'f32', ...placeUniforms},
  bindings: (parameters) =>
    numbers(parameters).flatMap((i) => [
      writeBuffer(`newValue${i}`),
      ...(parameters.momentum ? [writeBuffer(`velocity${i}`)] : []),
      ...['value', 'gradient'].map((name) => readBuffer(`${name}${i}`)),
    ]),
  body: ({momentum, ...parameters}) =>
    eachVariable(
      parameters,
      (k) => `
      var step = gradient${k}[i] + u.decay${k} * value${k}[i];
      ${
        momentum
          ? `let speed = u.momentum * velocity${k}[i] + step;
      velocity${k}[i] = speed;
      step = ${momentum === 'nesterov' ? 'step + u.momentum * speed' : 'speed'};`
          : ''
      }
      newValue${k}[i] = value${k}[i] - u.learningRate * step;`,
    ),
};

/** The memory that is to be written in place: a tensor's own, or a copy where others share it. */
function own(backend: WebGPUBackend, tensor: tf.TensorInfo): tf.TensorInfo {
  if (backend.refCount(tensor.dataId) > 1) return copied(backend, tensor);
  const {dataId, shape, dtype} = tensor;
  backend.incRef(dataId);
  // Not the tensor itself, which tfjs would take for the result and count once.
  return {dataId, shape, dtype};
}

/** A variable's tensors by the names of the bindings. */
type Tensors = Record<string, tf.TensorInfo>;

/** Runs a shader for all variables, in as few dispatches as the device's buffers allow. */
function runForAll<P extends Variables>(
  backend: WebGPUBackend,
  shader: Shader<P>,
  parameters: Omit<P, 'variables'>,
  variables: Tensors[],
  decays: number[],
  uniforms: Record<string, number>,
): void {
  const given = variables
    .map((tensors, i) => ({tensors, decay: decays[i], size: tf.util.sizeFromShape(tensors.value.shape)}))
    .filter(({size}) => size > 0);
  if (given.length === 0) return;
  const buffers = shader.bindings({...parameters, variables: 1} as P).length;
  const {maxStorageBuffersPerShaderStage} = deviceOf(backend).limits;
  const together = Math.max(1, Math.min(MOST, Math.floor(maxStorageBuffersPerShaderStage / buffers)));
  for (let begin = 0; begin < given.length; begin += together) {
    const some = given.slice(begin, begin + together);
    const bound: Tensors = {};
    const places: Record<string, number> = {};
    let groups = 0;
    for (let i = 0; i < MOST; i++) {
      const {tensors = {}, size = 0, decay = 0} = some[i] ?? {};
      for (const [name, tensor] of Object.entries(tensors)) bound[`${name}${i}`] = tensor;
      Object.assign(places, {[`first${i}`]: groups, [`size${i}`]: size, [`decay${i}`]: decay});
      groups += workgroups(size, SIZE);
    }
    const all = {...parameters, variables: some.length} as P;
    run(backend, shader, all, bound, {...uniforms, ...places}, groups);
  }
}

/** What `tf.registerKernel` takes. Returns value, m and v of each variable. */
export const adamUpdateConfig = webgpuKernel<string, AdamAttrs>(
  'SwintAdamUpdate',
  (backend, inputs, {beta1, beta2, rate, epsilon, decay}) => {
    const variables = byNumber<'value' | 'gradient' | 'm' | 'v'>(inputs).map(({value, gradient, m, v}) => ({
      ...{value, gradient, m: own(backend, m), v: own(backend, v)},
      newValue: output(backend, value.shape),
    }));
    runForAll(backend, adamShader, {}, variables, decay, {beta1, beta2, rate, epsilon});
    return variables.flatMap(({newValue, m, v}) => [newValue, m, v]);
  },
);

/** What `tf.registerKernel` takes. Returns value and, where there is one, velocity of each variable. */
export const sgdUpdateConfig = webgpuKernel<string, SgdAttrs>(
  'SwintSgdUpdate',
  (backend, inputs, {learningRate, momentum, nesterov, weightDecay}) => {
    const given = byNumber<'value' | 'gradient' | 'velocity'>(inputs);
    const moving = given[0]?.velocity !== undefined;
    const variables = given.map(({value, gradient, velocity}) => ({
      ...{value, gradient, newValue: output(backend, value.shape)},
      ...(moving && {velocity: own(backend, velocity)}),
    }));
    const kind = nesterov ? 'nesterov' : 'classical';
    runForAll(backend, sgdShader, {momentum: moving ? kind : undefined}, variables, weightDecay, {
      learningRate,
      momentum,
    });
    return variables.flatMap(({newValue, velocity}) => (velocity ? [newValue, velocity] : [newValue]));
  },
);
