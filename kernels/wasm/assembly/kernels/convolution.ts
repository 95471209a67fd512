/** Convolution and its gradient for the input; see units/convolutions/convolution.ts. Sizes by convolutionSizes. */
import {panelBytes} from '../arithmetic/pack';
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch, sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {Convolution} from '../units/convolutions/arguments';
import {LISTS} from '../units/convolutions/convolution';
import {JOINED} from '../units/convolutions/lists';
import {CONVOLUTION, PACK_FILTER} from '../units/kinds';
import {isPointwise} from './convolution_sizes';
import {packPanels, productRows} from './product';

/** Multiplications of a unit: about 40 microseconds. */
const UNIT_WORK: i64 = 1 << 20;

/** Most cells that are listed at once, and bytes of their lists. */
const BLOCK: i32 = 64;
const LIST_BYTES: i32 = 32768;

/** Multiplications below which other threads are not worth waking: 20 microseconds. */
const SMALL: i64 = 1 << 19;

/** Numbers of a filter below which they are not, to pack it. */
const SMALL_FILTER: i64 = 1 << 15;

/** Packs the filter and runs the units for all cells, of `down` x `across` classes. */
function convolve(job: Convolution, down: i32, across: i32): void {
  const taps = job.filterHeight * job.filterWidth;
  const inner = job.inner;
  const n = job.n;
  const zeros = (<usize>max(inner, JOINED)) << 2;
  const scratch = sharedScratch(64 + zeros + panelBytes(taps * inner, n));
  memory.fill(scratch, 0, 64 + zeros);
  job.flag = scratch;
  job.zeros = scratch + 64;
  job.panels = job.zeros + zeros;

  // The class with the most cells and the most taps sets the sizes.
  const columns = (n + 7) & ~7;
  const cells = job.batch * ((job.rows + down - 1) / down) * ((job.columns + across - 1) / across);
  const tapsOfCell = ((job.filterHeight + down - 1) / down) * ((job.filterWidth + across - 1) / across);
  const column = max<i64>(1, <i64>tapsOfCell * <i64>inner);
  const block = min(BLOCK, max(4, (LIST_BYTES / ((1 + taps) << 2)) & ~3));
  const cellsPerUnit = max<i64>(block, (UNIT_WORK / (column * <i64>columns)) & ~3);
  const columnsPerUnit = max<i64>(8, (UNIT_WORK / (column * min<i64>(cells, cellsPerUnit))) & ~7);
  job.block = block;
  job.cellsPerUnit = <i32>min<i64>(cells, cellsPerUnit);
  job.columnsPerUnit = <i32>min<i64>(columns, columnsPerUnit);
  job.unitsPerRow = (n + job.columnsPerUnit - 1) / job.columnsPerUnit;
  job.unitsPerClass = ((cells + job.cellsPerUnit - 1) / job.cellsPerUnit) * job.unitsPerRow;
  const lists = <usize>((block + 3) >> 2) * ((<usize>(1 + taps)) << 4);
  const copies = inner < JOINED ? (<usize>(block * job.filterHeight * JOINED)) << 2 : 0;
  reserveOwnScratch(LISTS + lists + copies);

  const panels = columns >> 3;
  const small = column * <i64>columns * <i64>cells * <i64>(down * across) < SMALL;
  const fewNumbers = <i64>taps * <i64>inner * <i64>n < SMALL_FILTER;
  parallel(PACK_FILTER, job.gradient ? taps * panels : panels, small || fewNumbers);
  job.exact = atomic.load<i32>(job.flag) != 0;
  parallel(CONVOLUTION, down * across * job.unitsPerClass, small);
}

/** y from x; `activation` 0 for the identity, 1 for ReLU, 2 for ReLU6; bias may be 0. */
export function convolution(x: usize, filter: usize, y: usize, bias: usize, activation: i32): void {
  const job = changetype<Convolution>(unitArguments());
  const k = job.channels;
  const n = job.outChannels;
  if (activation == 0 && isPointwise(job)) {
    const m = job.batch * job.outHeight * job.outWidth;
    const panels = sharedScratch(panelBytes(k, n));
    packPanels(filter, (<usize>n) << 2, k, n, false, panels);
    productRows(x, (<usize>k) << 2, panels, y, m, n, k, bias, false, 0, 0, 1, 0);
    return;
  }
  job.source = x;
  job.filter = filter;
  job.to = y;
  job.bias = bias;
  job.activation = activation;
  job.gradient = false;
  job.sourceHeight = job.height;
  job.sourceWidth = job.width;
  job.inner = k;
  job.rows = job.outHeight;
  job.columns = job.outWidth;
  job.n = n;
  convolve(job, 1, 1);
}

/** dx from dy. Sizes by convolutionSizes. */
export function convolutionInputGradient(dy: usize, filter: usize, dx: usize): void {
  const job = changetype<Convolution>(unitArguments());
  const k = job.outChannels;
  const n = job.channels;
  if (isPointwise(job)) {
    const m = job.batch * job.outHeight * job.outWidth;
    const panels = sharedScratch(panelBytes(k, n));
    packPanels(filter, (<usize>k) << 2, k, n, true, panels);
    productRows(dy, (<usize>k) << 2, panels, dx, m, n, k, 0, false, 0, 0, 1, 0);
    return;
  }
  job.source = dy;
  job.filter = filter;
  job.to = dx;
  job.bias = 0;
  job.activation = 0;
  job.gradient = true;
  job.sourceHeight = job.outHeight;
  job.sourceWidth = job.outWidth;
  job.inner = k;
  job.rows = job.height;
  job.columns = job.width;
  job.n = n;
  convolve(job, job.strideHeight, job.strideWidth);
}
