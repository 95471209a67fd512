/**
 * The most that the device can do, for benchmarks: multiplications and additions on registers.
 *
 * `tf.engine().runKernel('SwintPeak', {}, {turns, units})` runs `units` workgroups of 256 invocations for `turns` turns and
 * returns one number of each invocation.
 */
import {output, run} from './program.js';
import {type Shader, writeBuffer} from './shader.js';
import {webgpuKernel} from './webgpu_kernel.js';

const SIZE = 256;
const VECTORS = 8;

const names = Array.from({length: VECTORS}, (_, i) => `x${i}`);

export const peakShader: Shader<object> = {
  name: 'peak',
  size: () => SIZE,
  uniforms: {turns: 'u32', factor: 'f32'},
  bindings: () => [writeBuffer('sums')],
  body: () => `
  let factor = vec4f(u.factor);
  ${names.map((name, i) => `var ${name} = vec4f(f32(lane) + ${i}.0);`).join(' ')}
  for (var turn = 0u; turn < u.turns; turn++) {
    ${names.map((name) => `${name} = fma(${name}, factor, factor);`).join(' ')}
  }
  sums[group * SIZE + lane] = dot(${names.join(' + ')}, vec4f(1.0));`,
};

/** What `tf.registerKernel` takes. */
export const peakConfig = webgpuKernel<never, {turns: number; units: number}>(
  'SwintPeak',
  (backend, _inputs, {turns, units}) => {
    const sums = output(backend, [units, SIZE]);
    run(backend, peakShader, {}, {sums}, {turns, factor: 0.999}, units);
    return sums;
  },
);
