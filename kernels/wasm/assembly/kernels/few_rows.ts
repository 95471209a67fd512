/** Products with a factor of at most four rows; see units/products/few_rows.ts. */
import {activate} from '../arithmetic/activation';
import {loadSome, storeSome} from '../arithmetic/vector';
import {unitArguments} from '../ground/control_block';
import {sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {DOT_ROWS, FEW_ROWS} from '../units/kinds';
import {FewRows} from '../units/products/few_rows';

/** Rows that count as few. */
export const FEW: i32 = 4;

/** Numbers of B in a unit: about 20 microseconds. */
const UNIT_SIZE: i32 = 1 << 17;

/** Columns whose results stay in the first cache. */
const COLUMNS: i32 = 1024;

/** C = f(A op(B) + bias); `m` at most FEW. */
export function fewRows(
  a: usize,
  b: usize,
  transposeB: bool,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  bias: usize,
  activation: i32,
): void {
  const job = changetype<FewRows>(unitArguments());
  job.a = a;
  job.b = b;
  job.c = c;
  job.bias = bias;
  job.activation = activation;
  job.m = m;
  job.n = n;
  job.k = k;
  if (transposeB) {
    job.part = max(1, UNIT_SIZE / k);
    parallel(DOT_ROWS, (n + job.part - 1) / job.part);
    return;
  }
  job.columns = min(n, COLUMNS);
  job.blocks = (n + job.columns - 1) / job.columns;
  job.part = max(16, (UNIT_SIZE / job.columns) & ~3);
  const parts = (k + job.part - 1) / job.part;
  const size = <usize>m * <usize>n;
  const partial = parts > 1 ? sharedScratch(<usize>parts * size * 4) : c;
  job.c = partial;
  parallel(FEW_ROWS, parts * job.blocks);
  if (parts == 1 && bias == 0 && activation == 0) return;
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column += 4) {
      const count = n - column;
      const at = (<usize>row * <usize>n + <usize>column) << 2;
      let sum = loadSome(partial + at, count);
      for (let part = 1; part < parts; part++) {
        sum = f32x4.add(sum, loadSome(partial + at + ((<usize>part * size) << 2), count));
      }
      if (bias != 0) sum = f32x4.add(sum, loadSome(bias + ((<usize>column) << 2), count));
      if (activation != 0) sum = activate(activation, sum);
      storeSome(c + at, sum, count);
    }
  }
}
