/**
 * The gradient of what follows the product in `linear`: g = s dy f'(z), f the identity or exact GELU.
 *
 *   dy, z, g [M, N];  s one factor per `scaleRows` rows.  z and s may be left out (0).
 */
import {geluDerivative} from '../arithmetic/transcendental';
import {loadSome, storeSome} from '../arithmetic/vector';
import {constants, unitArguments} from '../ground/control_block';

@unmanaged
export class LinearGrad {
  dy: usize;
  z: usize;
  scale: usize;
  g: usize;
  scaleRows: i32;
  rows: i32;
  columns: i32;
  rowsPerUnit: i32;
}

export function linearGradUnit(index: i32): void {
  const job = changetype<LinearGrad>(unitArguments());
  const columns = job.columns;
  const first = index * job.rowsPerUnit;
  const last = min(job.rows, first + job.rowsPerUnit);
  let at = (<usize>first * <usize>columns) << 2;
  const pool = constants();
  for (let row = first; row < last; row++) {
    const factor =
      job.scale != 0 ? v128.load32_splat(job.scale + ((<usize>(row / job.scaleRows)) << 2)) : f32x4.splat(1);
    for (let left = columns; left > 0; left -= 4) {
      const count = min(4, left);
      let g = loadSome(job.dy + at, count);
      if (job.scale != 0) g = f32x4.mul(g, factor);
      if (job.z != 0) g = f32x4.mul(g, geluDerivative(loadSome(job.z + at, count), pool));
      storeSome(job.g + at, g, count);
      at += (<usize>count) << 2;
    }
  }
}
