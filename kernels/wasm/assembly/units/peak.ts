/** A unit of the measurement of the machine's speed: arithmetic/peak.ts, once. */
import {peak} from '../arithmetic/peak';
import {ownScratch, unitArguments} from '../ground/control_block';

@unmanaged
export class Peak {
  turns: i32;
}

export function peakUnit(_index: i32): void {
  const turns = changetype<Peak>(unitArguments()).turns;
  store<f32>(ownScratch(), peak(turns, ownScratch() + 64));
}
