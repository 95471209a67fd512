/** Parts of a sum, added up in their order. */
import {loadSome, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class SumParts {
  from: usize;
  parts: i32;
  size: usize;
  to: usize;
}

/** Numbers of a unit. */
export const UNIT_SIZE: usize = 16384;

export function sumPartsUnit(index: i32): void {
  const job = changetype<SumParts>(unitArguments());
  const first = <usize>index * UNIT_SIZE;
  const last = min(job.size, first + UNIT_SIZE);
  for (let i = first; i < last; i += 4) {
    const count = <i32>min<usize>(4, last - i);
    let at = job.from + (i << 2);
    let sum = loadSome(at, count);
    for (let part = 1; part < job.parts; part++) {
      at += job.size << 2;
      sum = f32x4.add(sum, loadSome(at, count));
    }
    storeSome(job.to + (i << 2), sum, count);
  }
}
