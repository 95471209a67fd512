/**
 * Relative position bias, from the table to one number for each pair of tokens, and its gradient back to the table.
 *
 *   bias[h, j, i] = table[index(i, j), h],   index = (yi - yj + Wh - 1)(2 Ww - 1) + (xi - xj + Ww - 1),   query i, key j
 *
 *   table [(2 Wh - 1)(2 Ww - 1), heads] for the configured window;  bias [heads][keys N][queries Np] for the window in
 *   use, transposed as the scores are; the columns past N are 0
 */
import {unitArguments} from '../../ground/control_block';
import {AttentionSizes} from './sizes';

@unmanaged
export class RelativeBias extends AttentionSizes {
  /** [(2 Wh - 1)(2 Ww - 1), heads], or its gradient. */
  table: usize;
  /** [heads][N][Np], or the gradients [heads][groups][N][Np]. */
  bias: usize;
  groups: i32;
}

export function expandBiasUnit(head: i32): void {
  const job = changetype<RelativeBias>(unitArguments());
  const width = job.windowColumns;
  const tokens = job.tokens;
  const columns = job.columns;
  const across = 2 * job.configuredColumns - 1;
  const stride = (<usize>job.heads) << 2;
  let to = job.bias + ((<usize>(head * tokens) * <usize>columns) << 2);
  for (let key = 0; key < tokens; key++) {
    const row = job.configuredRows - 1 - key / width;
    const column = job.configuredColumns - 1 - (key % width);
    for (let y = 0; y < job.windowRows; y++) {
      let from = job.table + <usize>((row + y) * across + column) * stride + ((<usize>head) << 2);
      for (let x = 0; x < width; x++) {
        store<f32>(to, load<f32>(from));
        from += stride;
        to += 4;
      }
    }
    for (let past = tokens; past < columns; past++) {
      store<f32>(to, 0);
      to += 4;
    }
  }
}

/** Sums the groups of a head's dbias [heads][groups][N][Np] and adds each number where its pair belongs. */
export function reduceBiasUnit(head: i32): void {
  const job = changetype<RelativeBias>(unitArguments());
  const width = job.windowColumns;
  const tokens = job.tokens;
  const columns = job.columns;
  const across = 2 * job.configuredColumns - 1;
  const stride = (<usize>job.heads) << 2;
  const rows = (2 * job.configuredRows - 1) * across;
  const table = job.table + ((<usize>head) << 2);
  for (let i = 0; i < rows; i++) store<f32>(table + <usize>i * stride, 0);
  const size = (<usize>(tokens * columns)) << 2;
  const first = job.bias + <usize>(head * job.groups) * size;
  for (let key = 0; key < tokens; key++) {
    const row = job.configuredRows - 1 - key / width;
    const column = job.configuredColumns - 1 - (key % width);
    let from = first + ((<usize>(key * columns)) << 2);
    for (let y = 0; y < job.windowRows; y++) {
      let to = table + <usize>((row + y) * across + column) * stride;
      for (let x = 0; x < width; x++) {
        let sum: f32 = 0;
        let part = from;
        for (let group = 0; group < job.groups; group++) {
          sum += load<f32>(part);
          part += size;
        }
        store<f32>(to, load<f32>(to) + sum);
        to += stride;
        from += 4;
      }
    }
  }
}
