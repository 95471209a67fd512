/**
 * A step of an optimizer for one variable in one pass over memory; see kernels/contracts/optimizer.ts for the formulas.
 * Every cell has its own step, so a unit is a range of cells.
 */
import {loadSome, madd, storeSome} from '../arithmetic/vector';
import {unitArguments} from '../ground/control_block';

@unmanaged
export class OptimizerStep {
  value: usize;
  gradient: usize;
  first: usize;
  second: usize;
  newValue: usize;
  newFirst: usize;
  newSecond: usize;
  size: i32;
  beta1: f32;
  beta2: f32;
  rate: f32;
  epsilon: f32;
  decay: f32;
  momentum: f32;
  nesterov: bool;
}

/** Cells of a unit: about 20 microseconds. */
export const UNIT_SIZE: i32 = 32768;

// Adam ----------------------------------------------------------------------------------------------------------------

// @ts-expect-error: decorator
@inline
function adamStep(
  job: OptimizerStep,
  at: usize,
  count: i32,
  beta1: v128,
  beta2: v128,
  rate: v128,
  epsilon: v128,
  decay: v128,
): void {
  const gradient = loadSome(job.gradient + at, count);
  const first = madd(gradient, loadSome(job.first + at, count), beta1);
  const second = madd(f32x4.mul(gradient, gradient), loadSome(job.second + at, count), beta2);
  const step = f32x4.div(f32x4.mul(first, rate), f32x4.add(f32x4.sqrt(second), epsilon));
  storeSome(job.newValue + at, f32x4.sub(f32x4.mul(loadSome(job.value + at, count), decay), step), count);
  storeSome(job.newFirst + at, first, count);
  storeSome(job.newSecond + at, second, count);
}

export function adamUpdateUnit(index: i32): void {
  const job = changetype<OptimizerStep>(unitArguments());
  const beta1 = f32x4.splat(job.beta1);
  const beta2 = f32x4.splat(job.beta2);
  const rate = f32x4.splat(job.rate);
  const epsilon = f32x4.splat(job.epsilon);
  const decay = f32x4.splat(job.decay);
  const begin = index * UNIT_SIZE;
  const count = min(UNIT_SIZE, job.size - begin);
  let at = (<usize>begin) << 2;
  const end = at + ((<usize>(count & ~3)) << 2);
  for (; at < end; at += 16) adamStep(job, at, 4, beta1, beta2, rate, epsilon, decay);
  if ((count & 3) != 0) adamStep(job, at, count & 3, beta1, beta2, rate, epsilon, decay);
}

// Gradient descent ----------------------------------------------------------------------------------------------------

// @ts-expect-error: decorator
@inline
function sgdStep(
  job: OptimizerStep,
  at: usize,
  count: i32,
  moving: bool,
  rate: v128,
  decay: v128,
  momentum: v128,
): void {
  const value = loadSome(job.value + at, count);
  const gradient = madd(loadSome(job.gradient + at, count), value, decay);
  let direction = gradient;
  if (moving) {
    const velocity = madd(gradient, loadSome(job.first + at, count), momentum);
    storeSome(job.newFirst + at, velocity, count);
    direction = job.nesterov ? madd(gradient, velocity, momentum) : velocity;
  }
  storeSome(job.newValue + at, f32x4.sub(value, f32x4.mul(direction, rate)), count);
}

export function sgdUpdateUnit(index: i32): void {
  const job = changetype<OptimizerStep>(unitArguments());
  const rate = f32x4.splat(job.rate);
  const decay = f32x4.splat(job.decay);
  const momentum = f32x4.splat(job.momentum);
  const moving = job.first != 0;
  const begin = index * UNIT_SIZE;
  const count = min(UNIT_SIZE, job.size - begin);
  let at = (<usize>begin) << 2;
  const end = at + ((<usize>(count & ~3)) << 2);
  if (moving) for (; at < end; at += 16) sgdStep(job, at, 4, true, rate, decay, momentum);
  else for (; at < end; at += 16) sgdStep(job, at, 4, false, rate, decay, momentum);
  if ((count & 3) != 0) sgdStep(job, at, count & 3, moving, rate, decay, momentum);
}
