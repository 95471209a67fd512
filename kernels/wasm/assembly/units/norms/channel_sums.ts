/** Sums over the cells of each channel (arithmetic/moments.ts), for each unit or piece of a run; see channels.ts. */
import {addColumns, GRADIENT, PLAIN, sumRun} from '../../arithmetic/moments';
import {unitArguments} from '../../ground/control_block';
import {Channels} from './channels';

export function channelSumsUnit(index: i32): void {
  const job = changetype<Channels>(unitArguments());
  const mode = job.mode;
  if (job.runs > 0) {
    const first = index * job.piecesPerUnit;
    const last = min(job.runs * job.pieces, first + job.piecesPerUnit);
    for (let piece = first; piece < last; piece++) {
      const run = piece / job.pieces;
      const begin = (piece % job.pieces) * job.piece;
      const at = (<usize>run * <usize>job.inner + <usize>begin) << 2;
      const mean: f32 = mode == PLAIN ? 0 : load<f32>(job.mean + ((<usize>(run % job.channels)) << 2));
      const sums = job.partial + ((<usize>piece) << (mode == GRADIENT ? 4 : 3));
      const count = min(job.piece, job.inner - begin);
      sumRun(mode, job.x + at, job.dy + at, count, mean, sums, sums + 8);
    }
    return;
  }
  const row = (<usize>job.row) << 2;
  const first = index * job.rowsPerUnit;
  const rows = min(job.rowsPerUnit, job.rows - first);
  const at = <usize>first * row;
  const bytes = row << (mode == GRADIENT ? 2 : 1);
  const sums = job.partial + <usize>index * bytes;
  const products = sums + (row << 1);
  memory.fill(sums, 0, bytes);
  addColumns(mode, job.x + at, job.dy + at, row, rows, job.row, job.mean, sums, products);
  if (index == job.units - 1 && job.rest > 0) {
    const end = <usize>job.rows * row;
    addColumns(mode, job.x + end, job.dy + end, row, 1, job.rest, job.mean, sums, products);
  }
}
