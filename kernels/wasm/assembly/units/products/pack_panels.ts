/** Panels of a right factor, as arithmetic/pack.ts makes them. A unit is some of them. */
import {packPanel, packTransposedPanel} from '../../arithmetic/pack';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class PackPanels {
  b: usize;
  ldb: usize;
  k: i32;
  n: i32;
  transposed: bool;
  to: usize;
  panelsPerUnit: i32;
}

export function packPanelsUnit(index: i32): void {
  const job = changetype<PackPanels>(unitArguments());
  const first = index * job.panelsPerUnit;
  const last = min(first + job.panelsPerUnit, (job.n + 7) >> 3);
  const bytes = (<usize>job.k) << 5;
  for (let panel = first; panel < last; panel++) {
    const to = job.to + <usize>panel * bytes;
    if (job.transposed) packTransposedPanel(job.b, job.ldb, job.k, job.n, panel, to);
    else packPanel(job.b, job.ldb, job.k, job.n, panel, to);
  }
}
