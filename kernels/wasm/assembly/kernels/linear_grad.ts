/** The gradient of what follows the product in `linear`: the formula is in units/linear_grad.ts. */
import {unitArguments} from '../ground/control_block';
import {parallel} from '../threads';
import {LINEAR_GRAD} from '../units/kinds';
import {LinearGrad} from '../units/linear_grad';

/** Numbers of a unit. */
const UNIT_SIZE: i32 = 32768;

/** g from dy and z, each [rows, columns]; `scale` has one factor for `scaleRows` rows. z and scale may be 0: none. */
export function linearGradOutput(
  dy: usize,
  z: usize,
  scale: usize,
  scaleRows: i32,
  g: usize,
  rows: i32,
  columns: i32,
): void {
  const job = changetype<LinearGrad>(unitArguments());
  job.dy = dy;
  job.z = z;
  job.scale = scale;
  job.scaleRows = scaleRows;
  job.g = g;
  job.rows = rows;
  job.columns = columns;
  job.rowsPerUnit = max(1, UNIT_SIZE / columns);
  parallel(LINEAR_GRAD, (rows + job.rowsPerUnit - 1) / job.rowsPerUnit);
}
