/** The speed of the machine on all threads; see arithmetic/peak.ts. */
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {PEAK} from '../units/kinds';
import {Peak} from '../units/peak';

/** arithmetic/peak.ts `units` times, `turns` turns each. */
export function peakOfThreads(turns: i32, units: i32): void {
  reserveOwnScratch(320);
  changetype<Peak>(unitArguments()).turns = turns;
  parallel(PEAK, units);
}
