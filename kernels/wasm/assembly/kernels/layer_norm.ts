/** layerNorm and its gradient; the formulas are in units/norms/layer_norm.ts and layer_norm_grad.ts. */
import {unitArguments} from '../ground/control_block';
import {sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {LAYER_NORM, LAYER_NORM_GRAD} from '../units/kinds';
import {LayerNorm} from '../units/norms/layer_norm';
import {LayerNormGrad} from '../units/norms/layer_norm_grad';
import {sumParts} from './product';

/** Numbers of a unit: about 20 microseconds. */
const UNIT_SIZE: i32 = 65536;

/** Forward; mean and inverse [M] are kept where they have an address. */
export function layerNorm(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  mean: usize,
  inverse: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  scale: usize,
  scaleRows: i32,
  addend: usize,
): void {
  const job = changetype<LayerNorm>(unitArguments());
  job.scale = scale;
  job.scaleRows = scaleRows;
  job.addend = addend;
  job.x = x;
  job.gamma = gamma;
  job.beta = beta;
  job.y = y;
  job.mean = mean;
  job.inverse = inverse;
  job.rows = rows;
  job.channels = channels;
  job.epsilon = epsilon;
  job.rowsPerUnit = max(1, UNIT_SIZE / channels);
  parallel(LAYER_NORM, (rows + job.rowsPerUnit - 1) / job.rowsPerUnit);
}

/** Gradient: dx [M, C], dgamma [C], dbeta [C]. */
export function layerNormGrad(
  dy: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  gamma: usize,
  dx: usize,
  dgamma: usize,
  dbeta: usize,
  rows: i32,
  channels: i32,
  scale: usize,
  scaleRows: i32,
): void {
  // At most 64 parts, each short enough for its sums in float32.
  const rowsPerUnit = max(max(1, UNIT_SIZE / channels), (rows + 63) / 64);
  const parts = (rows + rowsPerUnit - 1) / rowsPerUnit;
  const bytes = (<usize>channels) << 2;
  const partial = sharedScratch(2 * <usize>parts * bytes);
  const job = changetype<LayerNormGrad>(unitArguments());
  job.dy = dy;
  job.x = x;
  job.mean = mean;
  job.inverse = inverse;
  job.gamma = gamma;
  job.dx = dx;
  job.scale = scale;
  job.scaleRows = scaleRows;
  job.dgamma = partial;
  job.dbeta = partial + <usize>parts * bytes;
  job.rows = rows;
  job.channels = channels;
  job.rowsPerUnit = rowsPerUnit;
  parallel(LAYER_NORM_GRAD, parts);
  sumParts(partial, parts, channels, dgamma);
  sumParts(partial + <usize>parts * bytes, parts, channels, dbeta);
}
