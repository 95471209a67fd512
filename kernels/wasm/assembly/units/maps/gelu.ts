/** GELU of every number: y = x Phi(x); see kernels/contracts/gelu.ts. The gradient is that of units/linear_grad.ts. */
import {gelu} from '../../arithmetic/transcendental';
import {loadSome, storeSome} from '../../arithmetic/vector';
import {constants, unitArguments} from '../../ground/control_block';

/** Numbers of a unit: about 30 microseconds. */
export const GELU_NUMBERS: i32 = 32768;

@unmanaged
export class Gelu {
  x: usize;
  y: usize;
  size: i32;
}

export function geluUnit(index: i32): void {
  const job = changetype<Gelu>(unitArguments());
  const first = index * GELU_NUMBERS;
  const pool = constants();
  let at = (<usize>first) << 2;
  for (let left = min(GELU_NUMBERS, job.size - first); left > 0; left -= 4) {
    const count = min(4, left);
    storeSome(job.y + at, gelu(loadSome(job.x + at, count), pool), count);
    at += 16;
  }
}
