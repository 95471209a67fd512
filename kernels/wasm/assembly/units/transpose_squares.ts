/** Matrices that change places with their transposes, in squares of 4 x 4; see permutation.ts. */
import {storeColumns} from '../arithmetic/pack';
import {unitArguments} from '../ground/control_block';
import {fromOffset, Permutation, toOffset} from './permutation';

/** Rows and columns of a tile: what it touches fits the first cache, however far its rows lie apart. */
export const TILE: i32 = 64;

/** A 4 x 4 square. */
// @ts-expect-error: decorator
@inline
function transposeSquare(from: usize, step: usize, to: usize, toStep: usize): void {
  storeColumns(
    v128.load(from),
    v128.load(from + step),
    v128.load(from + 2 * step),
    v128.load(from + 3 * step),
    to,
    toStep,
  );
}

function transposeTile(x: usize, step: usize, y: usize, toStep: usize, rows: i32, columns: i32): void {
  const down = (<usize>(rows & ~3)) << 2;
  const across = (<usize>(columns & ~3)) << 2;
  // Offsets in x along a row and in y along a row. Along the rows that lie further apart, so that the lines of memory
  // between two steps of the outer loop are few.
  if (step > toStep) {
    for (let row: usize = 0; row < down; row += 16) {
      const from = x + (row >> 2) * step;
      let to = y + row;
      for (let column: usize = 0; column < across; column += 16) {
        transposeSquare(from + column, step, to, toStep);
        to += toStep << 2;
      }
    }
  } else {
    for (let column: usize = 0; column < across; column += 16) {
      let from = x + column;
      const to = y + (column >> 2) * toStep;
      for (let row: usize = 0; row < down; row += 16) {
        transposeSquare(from, step, to + row, toStep);
        from += step << 2;
      }
    }
  }
  for (let row = 0; row < rows; row++) {
    // Columns that are left, and all columns of the rows that are.
    const begin: usize = row < (rows & ~3) ? across : 0;
    const from = x + <usize>row * step;
    let to = y + ((<usize>row) << 2) + (begin >> 2) * toStep;
    for (let column = begin; column < (<usize>columns) << 2; column += 4) {
      store<u32>(to, load<u32>(from + column));
      to += toStep;
    }
  }
}

export function transposeSquaresUnit(index: i32): void {
  const job = changetype<Permutation>(unitArguments());
  const first = index * job.itemsPerUnit;
  const last = min(job.items, first + job.itemsPerUnit);
  const tiles = job.tilesDown * job.tilesAcross;
  for (let item = first; item < last; item++) {
    const outer = item / tiles;
    const tile = item % tiles;
    const row = (tile / job.tilesAcross) * TILE;
    const column = (tile % job.tilesAcross) * TILE;
    const x = job.x + fromOffset(job, outer) + <usize>row * job.step + ((<usize>column) << 2);
    const y = job.y + toOffset(job, outer) + <usize>column * job.toStep + ((<usize>row) << 2);
    transposeTile(x, job.step, y, job.toStep, min(TILE, job.rows - row), min(TILE, job.columns - column));
  }
}
