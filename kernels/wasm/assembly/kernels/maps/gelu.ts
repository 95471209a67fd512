/** GELU of every number; see units/maps/gelu.ts. */
import {unitArguments} from '../../ground/control_block';
import {parallel} from '../../threads';
import {GELU} from '../../units/kinds';
import {GELU_NUMBERS, Gelu} from '../../units/maps/gelu';

/** y from x, `size` numbers each. */
export function gelu(x: usize, y: usize, size: i32): void {
  const job = changetype<Gelu>(unitArguments());
  job.x = x;
  job.y = y;
  job.size = size;
  parallel(GELU, (size + GELU_NUMBERS - 1) / GELU_NUMBERS);
}
