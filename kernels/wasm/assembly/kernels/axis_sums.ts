/** Sums along one axis; see units/axis_sums.ts. */
import {sideBySide} from '../arithmetic/moments';
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch, sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {AxisSums} from '../units/axis_sums';
import {AXIS_SUMS} from '../units/kinds';

/** Cells of a unit: 10 to 50 microseconds. */
const UNIT_SIZE: i32 = 65536;

/** Columns whose float64 sums stay in the first cache. */
const MOST_COLUMNS: i32 = 2048;

/** Matrices of up to so many columns get several rows side by side. */
const NARROW: i32 = 64;

/** y[o, i] = factor times the sum over l of x[o, l, i]. */
export function axisSums(x: usize, outer: i32, length: i32, inner: i32, factor: f64, y: usize): void {
  const job = changetype<AxisSums>(unitArguments());
  job.x = x;
  job.y = y;
  job.factor = factor;
  job.outer = outer;
  job.length = length;
  job.inner = inner;
  job.times = inner == 1 || inner > NARROW ? 1 : sideBySide(inner);
  job.columns = min(inner, MOST_COLUMNS);
  job.blocks = (inner + job.columns - 1) / job.columns;
  job.part = min(length, max(64, UNIT_SIZE / job.columns));
  job.parts = (length + job.part - 1) / job.part;
  job.items = outer * job.parts * job.blocks;
  job.itemsPerUnit = max(1, UNIT_SIZE / (job.part * job.columns));
  const sums = <usize>outer * <usize>job.parts * <usize>inner;
  reserveOwnScratch((<usize>((job.columns * job.times + 3) & ~3)) << 3);
  job.partial = job.parts > 1 ? sharedScratch(sums << 3) : 0;
  parallel(AXIS_SUMS, (job.items + job.itemsPerUnit - 1) / job.itemsPerUnit);
  if (job.parts < 2) return;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let from = job.partial + ((<usize>o * <usize>job.parts * <usize>inner + <usize>i) << 3);
      let sum: f64 = 0;
      for (let part = 0; part < job.parts; part++) {
        sum += load<f64>(from);
        from += (<usize>inner) << 3;
      }
      store<f32>(y + ((<usize>o * <usize>inner + <usize>i) << 2), <f32>(sum * factor));
    }
  }
}
