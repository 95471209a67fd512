/** The gradient of a convolution for its filter; see units/convolutions/filter_gradient.ts. */
import {blockBytes} from '../arithmetic/block';
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch, sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {DEPTH, FilterGradient} from '../units/convolutions/filter_gradient';
import {FILTER_GRADIENT} from '../units/kinds';
import {isPointwise} from './convolution_sizes';
import {productColumns, sumParts} from './product';

/** Most rows and columns of a unit. */
const BLOCK: i32 = 192;

/** Units that there should be at least, where there is work for them. */
const UNITS: i32 = 64;

/** Multiplications below which other threads are not worth waking: 20 microseconds. */
const SMALL: i64 = 1 << 19;

/** Most bytes of the parts. */
const PARTS: usize = 1 << 23;

/** dW from x and dy. Sizes by convolutionSizes. */
export function convolutionFilterGradient(x: usize, dy: usize, dw: usize): void {
  const job = changetype<FilterGradient>(unitArguments());
  const n = job.outChannels;
  const cells = job.batch * job.outHeight * job.outWidth;
  if (isPointwise(job)) {
    const m = job.channels;
    productColumns(x, (<usize>m) << 2, dy, (<usize>n) << 2, dw, m, n, cells);
    return;
  }
  const m = job.filterHeight * job.filterWidth * job.channels;
  const rowUnits = (m + BLOCK - 1) / BLOCK;
  const columnUnits = (n + BLOCK - 1) / BLOCK;
  const blocks = rowUnits * columnUnits;
  const size = <usize>m * <usize>n;
  // Each part has enough terms to be worth the adding up.
  const most = max(1, min(cells / (2 * DEPTH), <i32>(PARTS / (size << 2))));
  const parts = min(most, (UNITS + blocks - 1) / blocks);
  const partLength = (((cells + parts - 1) / parts + DEPTH - 1) / DEPTH) * DEPTH;
  const used = (cells + partLength - 1) / partLength;
  const partial = used > 1 ? sharedScratch((size * <usize>used) << 2) : dw;
  const columnsPerUnit = ((n + columnUnits - 1) / columnUnits + 7) & ~7;
  const rowsPerUnit = ((m + rowUnits - 1) / rowUnits + 3) & ~3;
  reserveOwnScratch(blockBytes(rowsPerUnit, DEPTH) + ((<usize>rowsPerUnit * DEPTH) << 2));
  job.x = x;
  job.dy = dy;
  job.to = partial;
  job.m = m;
  job.cells = cells;
  job.rowsPerUnit = rowsPerUnit;
  job.columnsPerUnit = columnsPerUnit;
  job.rowUnits = rowUnits;
  job.columnUnits = columnUnits;
  job.parts = used;
  job.partLength = partLength;
  parallel(FILTER_GRADIENT, blocks * used, <i64>size * <i64>cells < SMALL);
  if (used > 1) sumParts(partial, used, size, dw);
}
