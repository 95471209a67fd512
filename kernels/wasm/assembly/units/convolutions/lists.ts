/**
 * Where each tap of a cell finds its row of channels; see convolution.ts. A list serves four cells: four addresses of
 * results, then for every run of taps four addresses of what it reads; in the last one, a cell may stand for those that
 * are missing.
 */
import {Convolution} from './arguments';
import {Axis} from './axis';

/** Most numbers of a piece that taps are joined to. */
export const JOINED: i32 = 128;

/** Whether the taps of a row of the filter are one piece. */
// @ts-expect-error: decorator
@inline
export function joins(columns: Axis, inner: i32): bool {
  return columns.taps > 1 && columns.apart == 1 && columns.taps * inner <= JOINED;
}

/** Copies `bytes`, a multiple of four. */
// @ts-expect-error: decorator
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
// @ts-expect-error: decorator
@inline
function clearNumbers(to: usize, bytes: usize): void {
  const end = to + bytes;
  for (; to < end; to += 4) store<f32>(to, 0);
}

/** All runs of taps of a cell that is inside with all of them. */
// @ts-expect-error: decorator
@inline
function listTapsInside(at: usize, line: usize, rows: i32, runs: i32, down: usize, across: usize): void {
  for (let t = 0; t < rows; t++) {
    let tap = line;
    for (let u = 0; u < runs; u++) {
      store<usize>(at, tap);
      tap += across;
      at += 16;
    }
    line += down;
  }
}

/** Where a joined run of taps is read: in place, at `zeros`, or at `copies`, where its part inside is copied. */
// @ts-expect-error: decorator
@inline
function joinedTaps(
  line: usize,
  x: i32,
  taps: i32,
  cell: usize,
  width: i32,
  zeros: usize,
  copies: usize,
): usize {
  const begin = max(0, -x);
  const end = min(taps, width - x);
  if (begin >= end) return zeros;
  if (end - begin == taps) return line;
  const offset = <usize>begin * cell;
  clearNumbers(copies, <usize>taps * cell);
  copyNumbers(copies + offset, line + offset, <usize>(end - begin) * cell);
  return copies;
}

/** The taps of one row of the filter, each by itself; zeros for those outside. */
// @ts-expect-error: decorator
@inline
function listSeparateTaps(
  at: usize,
  inside: bool,
  line: usize,
  x: i32,
  taps: i32,
  apart: i32,
  step: usize,
  width: i32,
  zeros: usize,
): void {
  let tap = line;
  for (let u = 0; u < taps; u++) {
    const place = x + u * apart;
    store<usize>(at, inside && place >= 0 && place < width ? tap : zeros);
    tap += step;
    at += 16;
  }
}

/**
 * Lists for `count` cells of a class from number `first` on. Joined runs that are partly outside are copied to `copies`.
 */
export function fillLists(
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
  const runBytes = (<usize>runs) << 4;
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
        listTapsInside(at, line, tapRows, runs, down, across);
      } else {
        for (let t = 0; t < tapRows; t++) {
          const inside = y + t * apartDown >= 0 && y + t * apartDown < height;
          if (joined) {
            const tap = inside ? joinedTaps(line, x, tapColumns, cell, width, zeros, copies) : zeros;
            if (tap == copies) copies += whole;
            store<usize>(at, tap);
          } else {
            listSeparateTaps(at, inside, line, x, tapColumns, apartAcross, across, width, zeros);
          }
          at += runBytes;
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
