/** Steps of optimizers, variable by variable; see kernels/contracts/optimizer.ts for the formulas. */
import {unitArguments} from '../ground/control_block';
import {parallel} from '../threads';
import {ADAM_UPDATE, SGD_UPDATE} from '../units/kinds';
import {OptimizerStep, UNIT_SIZE} from '../units/optimizer';

/** New value, m and v from the old ones and the gradient, `size` cells each. */
export function adamUpdate(
  value: usize,
  gradient: usize,
  m: usize,
  v: usize,
  newValue: usize,
  newM: usize,
  newV: usize,
  size: i32,
  beta1: f32,
  beta2: f32,
  rate: f32,
  epsilon: f32,
  decay: f32,
): void {
  const job = changetype<OptimizerStep>(unitArguments());
  job.value = value;
  job.gradient = gradient;
  job.first = m;
  job.second = v;
  job.newValue = newValue;
  job.newFirst = newM;
  job.newSecond = newV;
  job.size = size;
  job.beta1 = beta1;
  job.beta2 = beta2;
  job.rate = rate;
  job.epsilon = epsilon;
  job.decay = decay;
  parallel(ADAM_UPDATE, (size + UNIT_SIZE - 1) / UNIT_SIZE);
}

/** New value and velocity, `size` cells each; velocity 0 is none. */
export function sgdUpdate(
  value: usize,
  gradient: usize,
  velocity: usize,
  newValue: usize,
  newVelocity: usize,
  size: i32,
  learningRate: f32,
  momentum: f32,
  nesterov: bool,
  weightDecay: f32,
): void {
  const job = changetype<OptimizerStep>(unitArguments());
  job.value = value;
  job.gradient = gradient;
  job.first = velocity;
  job.newValue = newValue;
  job.newFirst = newVelocity;
  job.size = size;
  job.rate = learningRate;
  job.momentum = momentum;
  job.nesterov = nesterov;
  job.decay = weightDecay;
  parallel(SGD_UPDATE, (size + UNIT_SIZE - 1) / UNIT_SIZE);
}
