/**
 * The innermost loops of sums over many cells: of the cells themselves, of their centred squares, and the two sums of a
 * normalisation's gradient.
 *
 *   PLAIN     sum of x
 *   SQUARES   sum of (x - mean)^2
 *   GRADIENT  sum of dy, and sum of dy (x - mean)
 *
 * `addColumns` sums each column of a matrix, `sumRun` cells that lie next to each other. float32 for the few numbers of
 * one step, float64 from there on, so that the length of a sum does not show in its error.
 */
import {madd} from './vector';

/** Shortest row that is worth a loop. A long one would have the four rows of a step lie far apart, which slows memory. */
const SHORT: i32 = 64;

/** How many rows of `columns` numbers are best taken as one: they make it long, and a multiple of four. */
export function sideBySide(columns: i32): i32 {
  const whole = (columns & 3) == 0 ? 1 : (columns & 1) == 0 ? 2 : 4;
  return whole * max(1, SHORT / (whole * columns));
}

export const PLAIN: i32 = 0;
export const SQUARES: i32 = 1;
export const GRADIENT: i32 = 2;

/** Adds four numbers to the four float64 sums at `sums`. */
// @ts-expect-error: decorator
@inline
function addTo(sums: usize, x: v128): void {
  const high = i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(x)));
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(high)), 16);
}

/** Four columns of four rows, or of one. */
// @ts-expect-error: decorator
@inline
function addStep(
  mode: i32,
  four: bool,
  x: usize,
  dy: usize,
  row: usize,
  mean: usize,
  sums: usize,
  products: usize,
): void {
  const m = mode == PLAIN ? f32x4.splat(0) : v128.load(mean);
  if (mode == PLAIN) {
    let sum = v128.load(x);
    if (four) {
      sum = f32x4.add(sum, v128.load(x + row));
      sum = f32x4.add(sum, f32x4.add(v128.load(x + 2 * row), v128.load(x + 3 * row)));
    }
    addTo(sums, sum);
  } else if (mode == SQUARES) {
    let d = f32x4.sub(v128.load(x), m);
    let sum = f32x4.mul(d, d);
    if (four) {
      d = f32x4.sub(v128.load(x + row), m);
      sum = madd(sum, d, d);
      d = f32x4.sub(v128.load(x + 2 * row), m);
      let other = f32x4.mul(d, d);
      d = f32x4.sub(v128.load(x + 3 * row), m);
      other = madd(other, d, d);
      sum = f32x4.add(sum, other);
    }
    addTo(sums, sum);
  } else {
    let sum = v128.load(dy);
    let product = f32x4.mul(sum, f32x4.sub(v128.load(x), m));
    if (four) {
      const g1 = v128.load(dy + row);
      const g2 = v128.load(dy + 2 * row);
      const g3 = v128.load(dy + 3 * row);
      sum = f32x4.add(f32x4.add(sum, g1), f32x4.add(g2, g3));
      product = madd(product, g1, f32x4.sub(v128.load(x + row), m));
      const other = f32x4.mul(g2, f32x4.sub(v128.load(x + 2 * row), m));
      product = f32x4.add(product, madd(other, g3, f32x4.sub(v128.load(x + 3 * row), m)));
    }
    addTo(sums, sum);
    addTo(products, product);
  }
}

/** One column of one row. */
// @ts-expect-error: decorator
@inline
function addOne(mode: i32, x: usize, dy: usize, mean: usize, sum: usize, product: usize): void {
  const value = load<f32>(x);
  if (mode == PLAIN) {
    store<f64>(sum, load<f64>(sum) + <f64>value);
  } else if (mode == SQUARES) {
    const d = value - load<f32>(mean);
    store<f64>(sum, load<f64>(sum) + <f64>(d * d));
  } else {
    const g = load<f32>(dy);
    store<f64>(sum, load<f64>(sum) + <f64>g);
    store<f64>(product, load<f64>(product) + <f64>(g * (value - load<f32>(mean))));
  }
}

// @ts-expect-error: decorator
@inline
function addColumnsOf(
  mode: i32,
  x: usize,
  dy: usize,
  row: usize,
  rows: i32,
  columns: i32,
  mean: usize,
  sums: usize,
  products: usize,
): void {
  const whole = (<usize>(columns & ~3)) << 2;
  const all = (<usize>columns) << 2;
  while (rows > 0) {
    const four = rows >= 4;
    if (four) {
      for (let i: usize = 0; i < whole; i += 16) {
        addStep(mode, true, x + i, dy + i, row, mean + i, sums + 2 * i, products + 2 * i);
      }
    } else {
      for (let i: usize = 0; i < whole; i += 16) {
        addStep(mode, false, x + i, dy + i, row, mean + i, sums + 2 * i, products + 2 * i);
      }
    }
    const taken = four ? 4 : 1;
    for (let r = 0; r < taken; r++) {
      for (let i = whole; i < all; i += 4)
        addOne(mode, x + i, dy + i, mean + i, sums + 2 * i, products + 2 * i);
      x += row;
      if (mode == GRADIENT) dy += row;
    }
    rows -= taken;
  }
}

function addPlain(x: usize, row: usize, rows: i32, columns: i32, sums: usize): void {
  addColumnsOf(PLAIN, x, 0, row, rows, columns, 0, sums, 0);
}

function addSquares(x: usize, row: usize, rows: i32, columns: i32, mean: usize, sums: usize): void {
  addColumnsOf(SQUARES, x, 0, row, rows, columns, mean, sums, 0);
}

function addGradients(
  x: usize,
  dy: usize,
  row: usize,
  rows: i32,
  columns: i32,
  mean: usize,
  sums: usize,
  products: usize,
): void {
  addColumnsOf(GRADIENT, x, dy, row, rows, columns, mean, sums, products);
}

/**
 * Adds the columns of x [rows, columns], rows `row` bytes apart, to the float64 sums at `sums`; for GRADIENT those of dy,
 * and those of dy (x - mean) to `products`. mean [columns].
 */
export function addColumns(
  mode: i32,
  x: usize,
  dy: usize,
  row: usize,
  rows: i32,
  columns: i32,
  mean: usize,
  sums: usize,
  products: usize,
): void {
  if (mode == PLAIN) addPlain(x, row, rows, columns, sums);
  else if (mode == SQUARES) addSquares(x, row, rows, columns, mean, sums);
  else addGradients(x, dy, row, rows, columns, mean, sums, products);
}

/** Steps of four numbers whose sums stay in float32. */
const STEPS: usize = 64;

// @ts-expect-error: decorator
@inline
function sumRunOf(mode: i32, x: usize, dy: usize, count: i32, mean: f32, sums: usize, products: usize): void {
  const m = f32x4.splat(mean);
  let low = f64x2.splat(0);
  let high = low;
  let productLow = low;
  let productHigh = low;
  const end = x + ((<usize>(count & ~3)) << 2);
  while (x < end) {
    const stop = min(end, x + (STEPS << 4));
    // Two sums in turn, so that one addition need not wait for the other.
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let p0 = s0;
    let p1 = s0;
    while (x < stop) {
      const value = v128.load(x);
      const d = mode == PLAIN ? value : f32x4.sub(value, m);
      if (mode == PLAIN) s0 = f32x4.add(s0, value);
      else if (mode == SQUARES) s0 = madd(s0, d, d);
      else {
        const g = v128.load(dy);
        s0 = f32x4.add(s0, g);
        p0 = madd(p0, g, d);
        dy += 16;
      }
      x += 16;
      const s = s0;
      s0 = s1;
      s1 = s;
      if (mode == GRADIENT) {
        const p = p0;
        p0 = p1;
        p1 = p;
      }
    }
    const sum = f32x4.add(s0, s1);
    low = f64x2.add(low, f64x2.promote_low_f32x4(sum));
    high = f64x2.add(
      high,
      f64x2.promote_low_f32x4(
        i8x16.shuffle(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
      ),
    );
    if (mode == GRADIENT) {
      const product = f32x4.add(p0, p1);
      productLow = f64x2.add(productLow, f64x2.promote_low_f32x4(product));
      productHigh = f64x2.add(
        productHigh,
        f64x2.promote_low_f32x4(
          i8x16.shuffle(product, product, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
        ),
      );
    }
  }
  low = f64x2.add(low, high);
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
  productLow = f64x2.add(productLow, productHigh);
  let product = f64x2.extract_lane(productLow, 0) + f64x2.extract_lane(productLow, 1);
  for (let rest = count & 3; rest > 0; rest--) {
    const value = load<f32>(x);
    const d = value - mean;
    if (mode == PLAIN) sum += <f64>value;
    else if (mode == SQUARES) sum += <f64>(d * d);
    else {
      const g = load<f32>(dy);
      sum += <f64>g;
      product += <f64>(g * d);
      dy += 4;
    }
    x += 4;
  }
  store<f64>(sums, sum);
  if (mode == GRADIENT) store<f64>(products, product);
}

/** Stores the sum of `count` cells of x, for GRADIENT the two sums. */
export function sumRun(
  mode: i32,
  x: usize,
  dy: usize,
  count: i32,
  mean: f32,
  sum: usize,
  product: usize,
): void {
  if (mode == PLAIN) sumRunOf(PLAIN, x, 0, count, 0, sum, 0);
  else if (mode == SQUARES) sumRunOf(SQUARES, x, 0, count, mean, sum, 0);
  else sumRunOf(GRADIENT, x, dy, count, mean, sum, product);
}
