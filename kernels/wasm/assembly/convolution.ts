/**
 * Convolution and its gradient for the input, both as one product of matrices whose left factor is read where it lies:
 *
 *   forward:   y[b, p, q, d]  = f(bias[d] + sum over kh, kw, c of x[b, i, j, c] W[kh, kw, c, d])
 *   gradient:  dx[b, i, j, c] = sum over kh, kw, d of dy[b, p, q, d] W[kh, kw, c, d]
 *
 *   where tap kh, kw meets cell i = p sh + kh dh - top, j = q sw + kw dw - left
 *
 *   x, dx [B, H, W, Cin], y, dy [B, OH, OW, Cout], W [KH, KW, Cin, Cout], bias [Cout]; f identity, ReLU or ReLU6.
 *   Taps that fall outside, or in the gradient between two cells, do not count.
 *
 * For four output cells at a time a list holds where each tap finds its four rows of channels; a row of zeros stands
 * for those outside. Taps of one row of the filter are one piece where they lie next to each other and are short, so
 * that a few channels make a long loop too. The filter is packed into panels in the order of the taps.
 *
 * In the gradient, cells of the same (i mod sh, j mod sw), a class, are seen by the same taps. Each class is a
 * convolution of stride 1 with its part of the filter, turned around, and only taps that can land are visited.
 *
 * 0 times a number of the filter that is not finite would be NaN in cells which that tap does not reach. So packing
 * looks for such numbers, and where there is one the taps outside are left out, a cell at a time.
 *
 * Source: Dukhan 2019, "The Indirect Convolution Algorithm", for the lists.
 */
import {ownScratch, parallel, unitArguments} from './threads';
import {reserveOwnScratch, sharedScratch} from './arena';
import {packPanel, packTransposedPanel, panelBytes} from './pack';
import {packPanels, productRows} from './product';
import {isPointwise, Sizes} from './convolution_sizes';
import {CONVOLUTION, CONVOLUTION_PACK} from './kinds';
import {loadSome, madd, storeSome} from './vector';

@unmanaged
class Convolution extends Sizes {
  source: usize;
  filter: usize;
  to: usize;
  bias: usize;
  activation: i32;
  gradient: bool;
  /** Shared scratch: a flag, a row of zeros, the panels. */
  flag: usize;
  zeros: usize;
  panels: usize;
  /** Cells and channels of what is read. */
  sourceHeight: i32;
  sourceWidth: i32;
  inner: i32;
  /** Cells and channels of the result. */
  rows: i32;
  columns: i32;
  n: i32;
  /** Most cells of a list, and how the work is cut. */
  block: i32;
  cellsPerUnit: i32;
  columnsPerUnit: i32;
  unitsPerRow: i32;
  unitsPerClass: i32;
  /** Whether the filter holds a number that is not finite. */
  exact: bool;
}

// Classes -------------------------------------------------------------------------------------------------------------

/**
 * An axis of a class: its cell p is cell `first + p step` of the result; tap t reads cell
 * `p move + offset + t apart`.
 */
@unmanaged
class Axis {
  cells: i32;
  first: i32;
  step: i32;
  move: i32;
  taps: i32;
  offset: i32;
  apart: i32;
}

const AXIS: usize = 32;

// @ts-ignore: decorator
@inline
function classOf(tap: i32, stride: i32, dilation: i32, pad: i32): i32 {
  const rest = (tap * dilation - pad) % stride;
  return rest < 0 ? rest + stride : rest;
}

/** Taps of class `kind` among [from, to). */
function tapsOf(kind: i32, from: i32, to: i32, stride: i32, dilation: i32, pad: i32): i32 {
  let count = 0;
  for (let tap = from; tap < to; tap++) count += i32(classOf(tap, stride, dilation, pad) == kind);
  return count;
}

/** Taps of the classes before `kind`. */
function tapsBefore(kind: i32, taps: i32, stride: i32, dilation: i32, pad: i32): i32 {
  let count = 0;
  for (let tap = 0; tap < taps; tap++) count += i32(classOf(tap, stride, dilation, pad) < kind);
  return count;
}

function setForwardAxis(axis: Axis, size: i32, taps: i32, stride: i32, dilation: i32, pad: i32): void {
  axis.cells = size;
  axis.first = 0;
  axis.step = 1;
  axis.move = stride;
  axis.taps = taps;
  axis.offset = -pad;
  axis.apart = dilation;
}

/** The last tap of the filter comes first: it finds the first cell. */
function setGradientAxis(axis: Axis, kind: i32, size: i32, taps: i32, stride: i32, dilation: i32, pad: i32): void {
  axis.cells = max(0, (size - kind + stride - 1) / stride);
  axis.first = kind;
  axis.step = stride;
  axis.move = 1;
  axis.taps = tapsOf(kind, 0, taps, stride, dilation, pad);
  let last = 0;
  let apart = 0;
  let found = 0;
  for (let tap = taps - 1; tap >= 0 && found < 2; tap--) {
    if (classOf(tap, stride, dilation, pad) != kind) continue;
    if (found++ == 0) last = tap;
    else apart = ((last - tap) * dilation) / stride;
  }
  axis.offset = (kind + pad - last * dilation) / stride;
  axis.apart = apart;
}

// Packing -------------------------------------------------------------------------------------------------------------

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
export function convolutionPackUnit(index: i32): void {
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
  const from = job.filter + (((<usize>tap) * <usize>n * <usize>inner) << 2);
  packTransposedPanel(from, (<usize>inner) << 2, inner, n, panel, to);
  if (!allFinite(to, 2 * inner)) atomic.store<i32>(job.flag, 1);
}

/** Where the panels [ceil(n / 8)][taps of the class][inner][8] of a class of the gradient begin. */
function panelsOfClass(job: Convolution, down: i32, across: i32): usize {
  const before =
    tapsBefore(down, job.filterHeight, job.strideHeight, job.dilationHeight, job.top) * job.filterWidth +
    tapsOf(down, 0, job.filterHeight, job.strideHeight, job.dilationHeight, job.top) *
      tapsBefore(across, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
  return job.panels + <usize>before * panelBytes(job.inner, job.n);
}

// Lists ---------------------------------------------------------------------------------------------------------------

/** Most numbers of a piece that taps are joined to. */
const JOINED: i32 = 128;

/** Whether the taps of a row of the filter are one piece. */
// @ts-ignore: decorator
@inline
function joins(columns: Axis, inner: i32): bool {
  return columns.taps > 1 && columns.apart == 1 && columns.taps * inner <= JOINED;
}

/** Copies `bytes`, a multiple of four. */
// @ts-ignore: decorator
@inline
function copyNumbers(to: usize, from: usize, bytes: usize): void {
  const end = from + bytes;
  while (from + 16 <= end) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  while (from < end) {
    store<f32>(to, load<f32>(from));
    from += 4;
    to += 4;
  }
}

/** Zeros in `bytes`, a multiple of four: they are few, and memory.fill is a call out of the module. */
// @ts-ignore: decorator
@inline
function clear(to: usize, bytes: usize): void {
  const end = to + bytes;
  for (; to < end; to += 4) store<f32>(to, 0);
}

/**
 * Lists for `count` cells of a class from number `first` on. A list serves four cells: four addresses of results, then
 * for every run of taps four addresses of what it reads; in the last one, a cell may stand for those that are missing.
 * Joined runs that are partly outside are copied to `copies`.
 */
function fillLists(
  job: Convolution,
  rows: Axis,
  columns: Axis,
  joined: bool,
  first: i32,
  count: i32,
  lists: usize,
  copies: usize,
): void {
  const cell = (<usize>job.inner) << 2;
  const tapRows = rows.taps;
  const tapColumns = columns.taps;
  const runs = joined ? 1 : tapColumns;
  const listBytes = (<usize>(1 + tapRows * runs)) << 4;
  const height = job.sourceHeight;
  const width = job.sourceWidth;
  const zeros = job.zeros;
  const move = columns.move;
  const apartDown = rows.apart;
  const apartAcross = columns.apart;
  const deep = (tapRows - 1) * apartDown;
  const wide = (tapColumns - 1) * apartAcross;
  const down = <usize>(apartDown * width) * cell;
  const across = <usize>apartAcross * cell;
  const whole = <usize>tapColumns * cell;
  const next = <usize>move * cell;
  const outCell = (<usize>job.n) << 2;
  const outNext = <usize>columns.step * outCell;
  const perRow = columns.cells;
  let q = first % perRow;
  let p = (first / perRow) % rows.cells;
  let b = first / perRow / rows.cells;
  let list = lists;
  let lane: usize = 0;
  for (let left = count; left > 0; ) {
    const last = min(perRow, q + left);
    left -= last - q;
    const y = p * rows.move + rows.offset;
    const rowInside = y >= 0 && y + deep < height;
    const row = b * job.rows + rows.first + p * rows.step;
    let x = q * move + columns.offset;
    let from = job.source + <usize>((b * height + y) * width + x) * cell;
    let to = job.to + <usize>(row * job.columns + columns.first + q * columns.step) * outCell;
    for (; q < last; q++) {
      let at = list + lane;
      store<usize>(at, to);
      at += 16;
      let line = from;
      if (rowInside && x >= 0 && x + wide < width) {
        for (let t = 0; t < tapRows; t++) {
          let tap = line;
          for (let u = 0; u < runs; u++) {
            store<usize>(at, tap);
            tap += across;
            at += 16;
          }
          line += down;
        }
      } else {
        for (let t = 0; t < tapRows; t++) {
          const inside = y + t * apartDown >= 0 && y + t * apartDown < height;
          if (joined) {
            const begin = max(0, -x);
            const end = min(tapColumns, width - x);
            let tap = zeros;
            if (inside && begin < end) {
              tap = line;
              if (end - begin < tapColumns) {
                const offset = <usize>begin * cell;
                tap = copies;
                clear(tap, whole);
                copyNumbers(tap + offset, line + offset, <usize>(end - begin) * cell);
                copies += whole;
              }
            }
            store<usize>(at, tap);
            at += 16;
          } else {
            let tap = line;
            for (let u = 0; u < runs; u++) {
              const place = x + u * apartAcross;
              store<usize>(at, inside && place >= 0 && place < width ? tap : zeros);
              tap += across;
              at += 16;
            }
          }
          line += down;
        }
      }
      x += move;
      from += next;
      to += outNext;
      lane += 4;
      if (lane == 16) {
        lane = 0;
        list += listBytes;
      }
    }
    q = 0;
    if (++p == rows.cells) {
      p = 0;
      b++;
    }
  }
  for (; lane != 0 && lane < 16; lane += 4) {
    for (let at: usize = 0; at < listBytes; at += 16) {
      store<usize>(list + at + lane, load<usize>(list + at));
    }
  }
}

// Tiles ---------------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function activated(v: v128, activation: i32): v128 {
  if (activation == 0) return v;
  v = f32x4.max(v, f32x4.splat(0));
  return activation == 2 ? f32x4.min(v, f32x4.splat(6)) : v;
}

// @ts-ignore: decorator
@inline
function storeRow(wide: bool, to: usize, left: v128, right: v128, columns: i32, activation: i32): void {
  left = activated(left, activation);
  if (wide) right = activated(right, activation);
  if (columns >= 8) {
    v128.store(to, left);
    v128.store(to, right, 16);
  } else {
    storeSome(to, left, columns);
    if (wide) storeSome(to + 16, right, columns - 4);
  }
}

/**
 * `columns` columns, up to 4 or, if `wide`, 8, of the first `cells` cells of a list: as in tile.ts, but a row of A is
 * `runs` pieces of `k` numbers. With `four` false there is one cell, and pieces that lie at `skip` count for nothing.
 */
// @ts-ignore: decorator
@inline
function listedTile(
  four: bool,
  wide: bool,
  skip: usize,
  list: usize,
  cells: i32,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  let c00 = v128.load(bias);
  let c01 = v128.load(bias, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let at = list;
  const length = (<usize>k) << 5;
  let end = b;
  for (let run = 0; run < runs; run++) {
    at += 16;
    end += length;
    let a0 = load<usize>(at);
    let a1: usize = 0;
    let a2: usize = 0;
    let a3: usize = 0;
    if (four) {
      a1 = load<usize>(at, 4);
      a2 = load<usize>(at, 8);
      a3 = load<usize>(at, 12);
    } else if (a0 == skip) {
      b = end;
    }
    while (b < end) {
      const b0 = v128.load(b);
      let b1 = b0;
      if (wide) b1 = v128.load(b, 16);
      let x = v128.load32_splat(a0);
      c00 = madd(c00, x, b0);
      if (wide) c01 = madd(c01, x, b1);
      a0 += 4;
      if (four) {
        x = v128.load32_splat(a1);
        c10 = madd(c10, x, b0);
        if (wide) c11 = madd(c11, x, b1);
        a1 += 4;
        x = v128.load32_splat(a2);
        c20 = madd(c20, x, b0);
        if (wide) c21 = madd(c21, x, b1);
        a2 += 4;
        x = v128.load32_splat(a3);
        c30 = madd(c30, x, b0);
        if (wide) c31 = madd(c31, x, b1);
        a3 += 4;
      }
      b += 32;
    }
  }
  storeRow(wide, load<usize>(list) + column, c00, c01, columns, activation);
  if (cells > 1) storeRow(wide, load<usize>(list, 4) + column, c10, c11, columns, activation);
  if (cells > 2) storeRow(wide, load<usize>(list, 8) + column, c20, c21, columns, activation);
  if (cells > 3) storeRow(wide, load<usize>(list, 12) + column, c30, c31, columns, activation);
}

function wideTile(
  list: usize,
  cells: i32,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  listedTile(true, true, 0, list, cells, runs, k, b, bias, column, columns, activation);
}

function narrowTile(
  list: usize,
  cells: i32,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  listedTile(true, false, 0, list, cells, runs, k, b, bias, column, columns, activation);
}

/** One cell, without the taps that are outside. The list of the second to fourth cell begins 4 to 12 bytes on. */
function exactTile(
  zeros: usize,
  list: usize,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  listedTile(false, true, zeros, list, 1, runs, k, b, bias, column, columns, activation);
}

// Units ---------------------------------------------------------------------------------------------------------------

/** Own scratch: two axes and eight numbers of the bias, then the lists, then the copies. */
const LISTS: usize = 128;

/** Multiplications of a unit: about 40 microseconds. */
const UNIT_WORK: i64 = 1 << 20;

/** Most cells that are listed at once, and bytes of their lists. */
const BLOCK: i32 = 64;
const LIST_BYTES: i32 = 32768;

export function convolutionUnit(index: i32): void {
  const job = changetype<Convolution>(unitArguments());
  const n = job.n;
  const inner = job.inner;
  const kind = index / job.unitsPerClass;
  const place = index % job.unitsPerClass;
  const scratch = ownScratch();
  const rows = changetype<Axis>(scratch);
  const columns = changetype<Axis>(scratch + AXIS);
  let panels = job.panels;
  if (job.gradient) {
    const down = kind / job.strideWidth;
    const across = kind % job.strideWidth;
    setGradientAxis(rows, down, job.rows, job.filterHeight, job.strideHeight, job.dilationHeight, job.top);
    setGradientAxis(columns, across, job.columns, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
    panels = panelsOfClass(job, down, across);
  } else {
    setForwardAxis(rows, job.rows, job.filterHeight, job.strideHeight, job.dilationHeight, job.top);
    setForwardAxis(columns, job.columns, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
  }
  const first = (place / job.unitsPerRow) * job.cellsPerUnit;
  const last = min(job.batch * rows.cells * columns.cells, first + job.cellsPerUnit);
  const firstColumn = (place % job.unitsPerRow) * job.columnsPerUnit;
  const lastColumn = min(n, firstColumn + job.columnsPerUnit);
  const joined = !job.exact && joins(columns, inner);
  const runs = joined ? rows.taps : rows.taps * columns.taps;
  const k = joined ? columns.taps * inner : inner;
  const listBytes = (<usize>(1 + runs)) << 4;
  const panel = <usize>(runs * k) << 5;
  const bias = scratch + 2 * AXIS;
  const lists = scratch + LISTS;
  const copies = lists + <usize>((job.block + 3) >> 2) * (<usize>(1 + rows.taps * columns.taps) << 4);
  for (let start = first; start < last; start += job.block) {
    const count = min(job.block, last - start);
    fillLists(job, rows, columns, joined, start, count, lists, copies);
    for (let column = firstColumn; column < lastColumn; column += 8) {
      const b = panels + <usize>(column >> 3) * panel;
      const wide = min(8, n - column);
      const at = (<usize>column) << 2;
      v128.store(bias, job.bias != 0 ? loadSome(job.bias + at, wide) : f32x4.splat(0));
      v128.store(bias, job.bias != 0 ? loadSome(job.bias + at + 16, wide - 4) : f32x4.splat(0), 16);
      let list = lists;
      if (job.exact) {
        for (let i = 0; i < count; i++) {
          exactTile(job.zeros, list + (<usize>(i & 3) << 2), runs, k, b, bias, at, wide, job.activation);
          if ((i & 3) == 3) list += listBytes;
        }
        continue;
      }
      for (let left = count; left > 0; left -= 4) {
        if (wide > 4) wideTile(list, left, runs, k, b, bias, at, wide, job.activation);
        else narrowTile(list, left, runs, k, b, bias, at, wide, job.activation);
        list += listBytes;
      }
    }
  }
}

/** Multiplications below which other threads are not worth waking: 20 microseconds. */
const SMALL: i64 = 1 << 19;

/** Numbers of a filter below which they are not, to pack it. */
const SMALL_FILTER: i64 = 1 << 15;

/** Packs the filter and runs the units for all cells, of `down` x `across` classes. */
function run(job: Convolution, down: i32, across: i32): void {
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
  const lists = <usize>((block + 3) >> 2) * (<usize>(1 + taps) << 4);
  const copies = inner < JOINED ? <usize>(block * job.filterHeight * JOINED) << 2 : 0;
  reserveOwnScratch(LISTS + lists + copies);

  const panels = columns >> 3;
  const small = column * <i64>columns * <i64>cells * <i64>(down * across) < SMALL;
  const fewNumbers = <i64>taps * <i64>inner * <i64>n < SMALL_FILTER;
  parallel(CONVOLUTION_PACK, job.gradient ? taps * panels : panels, small || fewNumbers);
  job.exact = atomic.load<i32>(job.flag) != 0;
  parallel(CONVOLUTION, down * across * job.unitsPerClass, small);
}

/** y from x; `activation` 0 for the identity, 1 for ReLU, 2 for ReLU6; bias may be 0. Sizes by convolutionSizes. */
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
  run(job, 1, 1);
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
  run(job, job.strideHeight, job.strideWidth);
}
