/** adamUpdate and sgdUpdate on the webgpu backend: one dispatch for a variable. Contract: contracts/optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import type {AdamAttrs, SgdAttrs} from '../contracts/optimizer.js';
import {output, run, type Shader} from './program.js';
import {webgpuKernel} from './webgpu_kernel.js';

const buffer = (name: string, access: 'in' | 'out') => ({name, type: 'f32', access}) as const;

export const adamShader: Shader<object> = {
  name: 'adam_update',
  size: () => 64,
  uniforms: {size: 'u32', beta1: 'f32', beta2: 'f32', rate: 'f32', epsilon: 'f32', decay: 'f32'},
  bindings: () => [
    ...['newValue', 'newM', 'newV'].map((name) => buffer(name, 'out')),
    ...['value', 'gradient', 'm', 'v'].map((name) => buffer(name, 'in')),
  ],
  body: () => `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  let g = gradient[i];
  let first = u.beta1 * m[i] + g;
  let second = u.beta2 * v[i] + g * g;
  newM[i] = first;
  newV[i] = second;
  newValue[i] = u.decay * value[i] - u.rate * first / (sqrt(second) + u.epsilon);`,
};

/** What `tf.registerKernel` takes. Returns value, m and v. */
export const adamUpdateConfig = webgpuKernel<'value' | 'gradient' | 'm' | 'v', AdamAttrs>(
  'SwintAdamUpdate',
  (backend, {value, gradient, m, v}, {beta1, beta2, rate, epsilon, decay}) => {
    const size = tf.util.sizeFromShape(value.shape);
    const [newValue, newM, newV] = [value, m, v].map(({shape}) => output(backend, shape));
    run(
      backend,
      adamShader,
      {},
      {value, gradient, m, v, newValue, newM, newV},
      {size, beta1, beta2, rate, epsilon, decay},
      Math.ceil(size / 64),
    );
    return [newValue, newM, newV];
  },
);

type SgdParameters = {momentum: boolean; nesterov: boolean};

export const sgdShader: Shader<SgdParameters> = {
  name: 'sgd_update',
  size: () => 64,
  uniforms: {size: 'u32', learningRate: 'f32', momentum: 'f32', weightDecay: 'f32'},
  bindings: ({momentum}) => [
    buffer('newValue', 'out'),
    ...(momentum ? [buffer('newVelocity', 'out'), buffer('velocity', 'in')] : []),
    buffer('value', 'in'),
    buffer('gradient', 'in'),
  ],
  body: ({momentum, nesterov}) => `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  var step = gradient[i] + u.weightDecay * value[i];
  ${
    momentum
      ? `let speed = u.momentum * velocity[i] + step;
  newVelocity[i] = speed;
  step = ${nesterov ? 'step + u.momentum * speed' : 'speed'};`
      : ''
  }
  newValue[i] = value[i] - u.learningRate * step;`,
};

/** What `tf.registerKernel` takes. Returns value and, where there is one, velocity. */
export const sgdUpdateConfig = webgpuKernel<'value' | 'gradient' | 'velocity', SgdAttrs>(
  'SwintSgdUpdate',
  (backend, {value, gradient, velocity}, {learningRate, momentum, nesterov, weightDecay}) => {
    const size = tf.util.sizeFromShape(value.shape);
    const newValue = output(backend, value.shape);
    const newVelocity = velocity && output(backend, velocity.shape);
    run(
      backend,
      sgdShader,
      {momentum: velocity !== undefined, nesterov: velocity !== undefined && nesterov},
      {value, gradient, velocity, newValue, newVelocity},
      {size, learningRate, momentum, weightDecay},
      Math.ceil(size / 64),
    );
    return newVelocity ? [newValue, newVelocity] : [newValue];
  },
);
