/**
 * Packs the filter into panels in the order of the taps, in the gradient class by class. A number that is not finite
 * raises the flag; see convolution.ts.
 */
import {packPanel, packTransposedPanel} from '../../arithmetic/pack';
import {unitArguments} from '../../ground/control_block';
import {Convolution} from './arguments';
import {classOf, panelsOfClass, tapsOf} from './axis';

/** Whether all `count` multiples of four numbers are finite. */
function allFinite(from: usize, count: i32): bool {
  let sum = f32x4.splat(0);
  const end = from + ((<usize>count) << 4);
  while (from < end) {
    const v = v128.load(from);
    sum = f32x4.add(sum, f32x4.sub(v, v));
    from += 16;
  }
  return !v128.any_true(f32x4.ne(sum, sum));
}

/** A panel of the whole filter, or of one tap of it in the gradient. */
export function packFilterUnit(index: i32): void {
  const job = changetype<Convolution>(unitArguments());
  const inner = job.inner;
  const n = job.n;
  const taps = job.filterHeight * job.filterWidth;
  const panels = (n + 7) >> 3;
  const panel = index % panels;
  if (!job.gradient) {
    const k = taps * inner;
    const to = job.panels + ((<usize>panel * <usize>k) << 5);
    packPanel(job.filter, (<usize>n) << 2, k, n, panel, to);
    if (!allFinite(to, 2 * k)) atomic.store<i32>(job.flag, 1);
    return;
  }
  const tap = index / panels;
  const row = tap / job.filterWidth;
  const column = tap % job.filterWidth;
  const down = classOf(row, job.strideHeight, job.dilationHeight, job.top);
  const across = classOf(column, job.strideWidth, job.dilationWidth, job.left);
  const tapsDown = tapsOf(down, 0, job.filterHeight, job.strideHeight, job.dilationHeight, job.top);
  const tapsAcross = tapsOf(across, 0, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
  const later = tapsOf(down, row + 1, job.filterHeight, job.strideHeight, job.dilationHeight, job.top);
  const right = tapsOf(across, column + 1, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
  const place = panel * tapsDown * tapsAcross + later * tapsAcross + right;
  const to = panelsOfClass(job, down, across) + ((<usize>place * <usize>inner) << 5);
  const from = job.filter + ((<usize>tap * <usize>n * <usize>inner) << 2);
  packTransposedPanel(from, (<usize>inner) << 2, inner, n, panel, to);
  if (!allFinite(to, 2 * inner)) atomic.store<i32>(job.flag, 1);
}
