/** The speed of the machine itself: multiplications and additions in registers, with nothing to load. */
import {reserveOwnScratch} from './arena';
import {PEAK} from './kinds';
import {ownScratch, parallel, unitArguments} from './threads';
import {madd} from './vector';

/** `turns` turns of twelve independent x = x a + b on vectors of four. Returns a number, so that nothing is left out. */
export function peak(turns: i32): f32 {
  const a = f32x4.splat(0.999);
  const b = f32x4.splat(1e-7);
  let x0 = f32x4.splat(1);
  let x1 = x0;
  let x2 = x0;
  let x3 = x0;
  let x4 = x0;
  let x5 = x0;
  let x6 = x0;
  let x7 = x0;
  let x8 = x0;
  let x9 = x0;
  let x10 = x0;
  let x11 = x0;
  for (let i = 0; i < turns; i++) {
    x0 = madd(b, x0, a);
    x1 = madd(b, x1, a);
    x2 = madd(b, x2, a);
    x3 = madd(b, x3, a);
    x4 = madd(b, x4, a);
    x5 = madd(b, x5, a);
    x6 = madd(b, x6, a);
    x7 = madd(b, x7, a);
    x8 = madd(b, x8, a);
    x9 = madd(b, x9, a);
    x10 = madd(b, x10, a);
    x11 = madd(b, x11, a);
  }
  x0 = f32x4.add(f32x4.add(f32x4.add(x0, x1), f32x4.add(x2, x3)), f32x4.add(f32x4.add(x4, x5), f32x4.add(x6, x7)));
  x8 = f32x4.add(f32x4.add(x8, x9), f32x4.add(x10, x11));
  return f32x4.extract_lane(f32x4.add(x0, x8), 0);
}

@unmanaged
class Peak {
  turns: i32;
}

export function peakUnit(_index: i32): void {
  store<f32>(ownScratch(), peak(changetype<Peak>(unitArguments()).turns));
}

/** The same `units` times, on all threads. */
export function peakOfThreads(turns: i32, units: i32): void {
  reserveOwnScratch(64);
  changetype<Peak>(unitArguments()).turns = turns;
  parallel(PEAK, units);
}
