/**
 * Products with a factor of at most four rows, C = f(A op(B) + bias), with B read in place: each of its numbers is needed
 * so few times that packing it would cost as much as the product.
 *
 *   a [M, K], b [K, N] or, transposed, [N, K], C [M, N], bias [N] or none; f identity, relu or relu6
 *
 * B in rows: a unit is a part of the sums for a block of columns; the parts are then added up in their order. B in
 * columns: a unit is a range of results, each a scalar product.
 */
import {activate} from '../../arithmetic/activation';
import {loadSome, madd, storeSome, sumOf} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class FewRows {
  a: usize;
  b: usize;
  /** The results, or parts of them: [parts, M, N]. */
  c: usize;
  bias: usize;
  activation: i32;
  m: i32;
  n: i32;
  k: i32;
  columns: i32;
  blocks: i32;
  /** Terms of a part; or results of a unit. */
  part: i32;
}

/** c + a0 b0 + a1 b1 + a2 b2 + a3 b3 for up to four columns. */
// @ts-expect-error: decorator
@inline
function fourTerms(a: usize, b: usize, ldb: usize, c: usize, count: i32): void {
  let x = f32x4.mul(v128.load32_splat(a), loadSome(b, count));
  let y = f32x4.mul(v128.load32_splat(a, 4), loadSome(b + ldb, count));
  x = madd(x, v128.load32_splat(a, 8), loadSome(b + 2 * ldb, count));
  y = madd(y, v128.load32_splat(a, 12), loadSome(b + 3 * ldb, count));
  storeSome(c, f32x4.add(loadSome(c, count), f32x4.add(x, y)), count);
}

export function fewRowsUnit(index: i32): void {
  const job = changetype<FewRows>(unitArguments());
  const n = job.n;
  const part = index / job.blocks;
  const column = (index % job.blocks) * job.columns;
  const columns = min(job.columns, n - column);
  const last = min(job.k, (part + 1) * job.part);
  const ldb = (<usize>n) << 2;
  const lda = (<usize>job.k) << 2;
  const c = job.c + ((<usize>part * <usize>job.m * <usize>n + <usize>column) << 2);
  const rest = columns & 3;
  const bytes = (<usize>(columns & ~3)) << 2;
  for (let row = 0; row < job.m; row++) memory.fill(c + <usize>row * ldb, 0, (<usize>columns) << 2);
  for (let term = part * job.part; term < last; ) {
    const from = job.b + <usize>term * ldb + ((<usize>column) << 2);
    const four = term + 4 <= last;
    for (let row = 0; row < job.m; row++) {
      const a = job.a + <usize>row * lda + ((<usize>term) << 2);
      const to = c + <usize>row * ldb;
      let i: usize = 0;
      if (four) {
        for (; i < bytes; i += 16) fourTerms(a, from + i, ldb, to + i, 4);
        if (rest > 0) fourTerms(a, from + i, ldb, to + i, rest);
      } else {
        const x = v128.load32_splat(a);
        for (; i < bytes; i += 16) v128.store(to + i, madd(v128.load(to + i), x, v128.load(from + i)));
        if (rest > 0) storeSome(to + i, madd(loadSome(to + i, rest), x, loadSome(from + i, rest)), rest);
      }
    }
    term += four ? 4 : 1;
  }
}

/** The scalar product of `count` numbers. */
function dot(a: usize, b: usize, count: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let i = count;
  for (; i >= 16; i -= 16) {
    s0 = madd(s0, v128.load(a), v128.load(b));
    s1 = madd(s1, v128.load(a, 16), v128.load(b, 16));
    s2 = madd(s2, v128.load(a, 32), v128.load(b, 32));
    s3 = madd(s3, v128.load(a, 48), v128.load(b, 48));
    a += 64;
    b += 64;
  }
  for (; i > 0; i -= 4) {
    s0 = madd(s0, loadSome(a, i), loadSome(b, i));
    a += 16;
    b += 16;
  }
  return sumOf(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

export function dotRowsUnit(index: i32): void {
  const job = changetype<FewRows>(unitArguments());
  const n = job.n;
  const ld = (<usize>job.k) << 2;
  const last = min(n, (index + 1) * job.part);
  for (let column = index * job.part; column < last; column++) {
    const b = job.b + <usize>column * ld;
    for (let row = 0; row < job.m; row++) {
      let sum = f32x4.splat(dot(job.a + <usize>row * ld, b, job.k));
      if (job.bias != 0) sum = f32x4.add(sum, v128.load32_splat(job.bias + ((<usize>column) << 2)));
      if (job.activation != 0) sum = activate(job.activation, sum);
      store<f32>(job.c + ((<usize>row * <usize>n + <usize>column) << 2), f32x4.extract_lane(sum, 0));
    }
  }
}
