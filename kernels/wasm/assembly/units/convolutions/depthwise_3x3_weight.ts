/**
 * The gradient of a 3x3 convolution of each channel by itself for its weight:
 *
 *   dW[k, l, c] = sum over b, i, j of x[b, i + k - 1, j + l - 1, c] dy[b, i, j, c]
 *
 * A unit is some rows of dy, and writes the sums over them [9, C]; the kernel adds the units' sums up in order. Along a row
 * the cells of x and of dy go by one after the other: each is loaded once for the three taps of a line of the weight.
 */
import {loadSome, madd, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class Depthwise3x3Weight {
  x: usize;
  dy: usize;
  /** Of all units. */
  dw: usize;
  height: i32;
  width: i32;
  channels: i32;
  /** Rows of all maps. */
  rows: i32;
  rowsPerUnit: i32;
}

/** Adds a row of x and a row of dy to the three taps at dw, `some` of four channels. */
// @ts-expect-error: decorator
@inline
function sumRow(some: i32, dw: usize, x: usize, dy: usize, width: i32, cell: usize): void {
  let s0 = loadSome(dw, some);
  let s1 = loadSome(dw + cell, some);
  let s2 = loadSome(dw + 2 * cell, some);
  let seen = loadSome(x, some);
  let slope = loadSome(dy, some);
  s1 = madd(s1, seen, slope);
  for (let j = 1; j < width; j++) {
    x += cell;
    dy += cell;
    const next = loadSome(x, some);
    const nextSlope = loadSome(dy, some);
    s0 = madd(s0, seen, nextSlope);
    s1 = madd(s1, next, nextSlope);
    s2 = madd(s2, next, slope);
    seen = next;
    slope = nextSlope;
  }
  storeSome(dw, s0, some);
  storeSome(dw + cell, s1, some);
  storeSome(dw + 2 * cell, s2, some);
}

export function depthwise3x3WeightUnit(index: i32): void {
  const job = changetype<Depthwise3x3Weight>(unitArguments());
  const width = job.width;
  const cell = (<usize>job.channels) << 2;
  const whole = cell & ~15;
  const rest = job.channels & 3;
  const line = <usize>width * cell;
  const to = job.dw + 9 * cell * <usize>index;
  memory.fill(to, 0, 9 * cell);
  const last = min(job.rows, (index + 1) * job.rowsPerUnit);
  for (let row = index * job.rowsPerUnit; row < last; row++) {
    const i = row % job.height;
    const dy = job.dy + <usize>row * line;
    for (let k = 0; k < 3; k++) {
      if (i + k < 1 || i + k > job.height) continue;
      const x = job.x + <usize>(row + k - 1) * line;
      const dw = to + <usize>(3 * k) * cell;
      for (let c: usize = 0; c < whole; c += 16) sumRow(4, dw + c, x + c, dy + c, width, cell);
      if (rest > 0) sumRow(rest, dw + whole, x + whole, dy + whole, width, cell);
    }
  }
}
