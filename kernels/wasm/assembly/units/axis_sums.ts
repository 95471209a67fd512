/**
 * Sums along one axis: y[o, i] = factor * sum over l of x[o, l, i].
 *
 *   x [outer, length, inner],  y [outer, inner]
 *
 * Where inner is 1 a sum is a run of cells, otherwise columns of a matrix are added up (arithmetic/moments.ts), several
 * rows of a narrow one side by side. Long sums are cut into parts, which are added up in their order.
 */
import {addColumns, PLAIN, sumRun} from '../arithmetic/moments';
import {ownScratch, unitArguments} from '../ground/control_block';

@unmanaged
export class AxisSums {
  x: usize;
  y: usize;
  /** Of the parts: [outer, parts, inner] float64. */
  partial: usize;
  factor: f64;
  outer: i32;
  length: i32;
  inner: i32;
  /** Rows of a part, and how many parts make up a sum. */
  part: i32;
  parts: i32;
  /** Columns that are summed at once, and how many such blocks there are. */
  columns: i32;
  blocks: i32;
  /** Rows that are taken as one. */
  times: i32;
  items: i32;
  itemsPerUnit: i32;
}

/** Sums over columns [column, column + columns) of a part of matrix o. */
function sumPart(job: AxisSums, o: i32, part: i32, column: i32, columns: i32): void {
  const inner = job.inner;
  const begin = part * job.part;
  const rows = min(job.part, job.length - begin);
  const x = job.x + (((<usize>o * <usize>job.length + <usize>begin) * <usize>inner + <usize>column) << 2);
  const sums = ownScratch();
  const times = job.times;
  if (inner == 1) {
    sumRun(PLAIN, x, 0, rows, 0, sums, 0);
  } else {
    const wide = columns * times;
    memory.fill(sums, 0, (<usize>((wide + 3) & ~3)) << 3);
    const row = (<usize>(inner * times)) << 2;
    const whole = rows / times;
    addColumns(PLAIN, x, 0, row, whole, wide, 0, sums, 0);
    const rest = (rows % times) * inner;
    if (rest > 0) addColumns(PLAIN, x + <usize>whole * row, 0, row, 1, rest, 0, sums, 0);
  }
  const at = (<usize>o * <usize>job.parts + <usize>part) * <usize>inner + <usize>column;
  for (let c = 0; c < columns; c++) {
    let sum: f64 = 0;
    for (let i = c; i < columns * times; i += columns) sum += load<f64>(sums + ((<usize>i) << 3));
    if (job.parts > 1) store<f64>(job.partial + ((at + <usize>c) << 3), sum);
    else store<f32>(job.y + ((at + <usize>c) << 2), <f32>(sum * job.factor));
  }
}

export function axisSumsUnit(index: i32): void {
  const job = changetype<AxisSums>(unitArguments());
  const first = index * job.itemsPerUnit;
  const last = min(job.items, first + job.itemsPerUnit);
  for (let item = first; item < last; item++) {
    const block = item % job.blocks;
    const part = (item / job.blocks) % job.parts;
    const column = block * job.columns;
    sumPart(job, item / (job.blocks * job.parts), part, column, min(job.columns, job.inner - column));
  }
}
