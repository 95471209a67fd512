/** Copies of rows of bytes that lie apart, into rows next to each other; see permutation.ts. */
import {copyBytes} from '../arithmetic/copy';
import {unitArguments} from '../ground/control_block';
import {fromOffset, Permutation} from './permutation';

export function copyRowsUnit(index: i32): void {
  const job = changetype<Permutation>(unitArguments());
  const bytes = job.bytes;
  const step = job.step;
  const rows = job.rows;
  const pieces = job.pieces;
  const first = index * job.itemsPerUnit;
  const last = min(job.items, first + job.itemsPerUnit);
  for (let item = first; item < last; item++) {
    const run = item / pieces;
    const begin = (item % pieces) * job.piece;
    let from = job.x + fromOffset(job, run) + <usize>begin * step;
    let to = job.y + (<usize>run * <usize>rows + <usize>begin) * bytes;
    for (let left = min(job.piece, rows - begin); left > 0; left--) {
      copyBytes(from, to, bytes);
      from += step;
      to += bytes;
    }
  }
}
