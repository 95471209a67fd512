/**
 * The speed of the machine itself: multiplications and additions whose operands lie in the first cache, as those of a
 * product do at best.
 */
import {madd} from './vector';

/**
 * `turns` turns of twelve sums of four numbers, sum[i] += x[i] a, twice each: as many sums as there are registers, and
 * enough of them that the loop itself does not show. x at `at`: 192 bytes, written here. Returns a number, so that nothing
 * is left out.
 */
export function peak(turns: i32, at: usize): f32 {
  for (let i: usize = 0; i < 192; i += 16) v128.store(at + i, f32x4.splat(1e-3));
  const a = f32x4.splat(1e-3);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  let s8 = s0;
  let s9 = s0;
  let s10 = s0;
  let s11 = s0;
  for (let i = 0; i < turns; i++) {
    s0 = madd(s0, v128.load(at), a);
    s1 = madd(s1, v128.load(at, 16), a);
    s2 = madd(s2, v128.load(at, 32), a);
    s3 = madd(s3, v128.load(at, 48), a);
    s4 = madd(s4, v128.load(at, 64), a);
    s5 = madd(s5, v128.load(at, 80), a);
    s6 = madd(s6, v128.load(at, 96), a);
    s7 = madd(s7, v128.load(at, 112), a);
    s8 = madd(s8, v128.load(at, 128), a);
    s9 = madd(s9, v128.load(at, 144), a);
    s10 = madd(s10, v128.load(at, 160), a);
    s11 = madd(s11, v128.load(at, 176), a);
    s0 = madd(s0, v128.load(at), a);
    s1 = madd(s1, v128.load(at, 16), a);
    s2 = madd(s2, v128.load(at, 32), a);
    s3 = madd(s3, v128.load(at, 48), a);
    s4 = madd(s4, v128.load(at, 64), a);
    s5 = madd(s5, v128.load(at, 80), a);
    s6 = madd(s6, v128.load(at, 96), a);
    s7 = madd(s7, v128.load(at, 112), a);
    s8 = madd(s8, v128.load(at, 128), a);
    s9 = madd(s9, v128.load(at, 144), a);
    s10 = madd(s10, v128.load(at, 160), a);
    s11 = madd(s11, v128.load(at, 176), a);
  }
  s0 = f32x4.add(
    f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)),
    f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7)),
  );
  s8 = f32x4.add(f32x4.add(s8, s9), f32x4.add(s10, s11));
  return f32x4.extract_lane(f32x4.add(s0, s8), 0);
}
