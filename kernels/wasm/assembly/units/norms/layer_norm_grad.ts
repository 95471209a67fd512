/**
 * The gradient of layerNorm, row by row.
 *
 *   dx = (g - mean(g) - h mean(g h)) inverse,  g = u gamma,  h = (x - mean) inverse,  u = s dy
 *   dgamma = sum over rows of u h,  dbeta = sum over rows of u
 *
 * s is one factor per `scaleRows` rows; it may be left out (0). Sums over rows are taken in parts of fixed length, which
 * the kernel adds up in their order.
 */
import {sumOf} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class LayerNormGrad {
  dy: usize;
  x: usize;
  mean: usize;
  inverse: usize;
  gamma: usize;
  dx: usize;
  dgamma: usize;
  dbeta: usize;
  rows: i32;
  channels: i32;
  scale: usize;
  scaleRows: i32;
  rowsPerUnit: i32;
}

export function layerNormGradUnit(index: i32): void {
  const job = changetype<LayerNormGrad>(unitArguments());
  const channels = job.channels;
  const first = index * job.rowsPerUnit;
  const last = min(job.rows, first + job.rowsPerUnit);
  const bytes = (<usize>channels) << 2;
  const dgamma = job.dgamma + <usize>index * bytes;
  const dbeta = job.dbeta + <usize>index * bytes;
  memory.fill(dgamma, 0, bytes);
  memory.fill(dbeta, 0, bytes);
  const whole = bytes & ~15;
  for (let row = first; row < last; row++) {
    const dy = job.dy + <usize>row * bytes;
    const x = job.x + <usize>row * bytes;
    const dx = job.dx + <usize>row * bytes;
    const mean = load<f32>(job.mean + ((<usize>row) << 2));
    const inverse = load<f32>(job.inverse + ((<usize>row) << 2));
    const centre = f32x4.splat(mean);
    const factor = f32x4.splat(inverse);
    const s: f32 = job.scale != 0 ? load<f32>(job.scale + ((<usize>(row / job.scaleRows)) << 2)) : 1;
    const sV = f32x4.splat(s);
    let sums = f32x4.splat(0);
    let products = sums;
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const d = f32x4.mul(v128.load(dy + at), sV);
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), centre), factor);
      const g = f32x4.mul(d, v128.load(job.gamma + at));
      sums = f32x4.add(sums, g);
      products = f32x4.add(products, f32x4.mul(g, h));
      v128.store(dgamma + at, f32x4.add(v128.load(dgamma + at), f32x4.mul(d, h)));
      v128.store(dbeta + at, f32x4.add(v128.load(dbeta + at), d));
    }
    let sum = sumOf(sums);
    let product = sumOf(products);
    for (; at < bytes; at += 4) {
      const d = load<f32>(dy + at) * s;
      const h = (load<f32>(x + at) - mean) * inverse;
      const g = d * load<f32>(job.gamma + at);
      sum += g;
      product += g * h;
      store<f32>(dgamma + at, load<f32>(dgamma + at) + d * h);
      store<f32>(dbeta + at, load<f32>(dbeta + at) + d);
    }
    sum /= <f32>channels;
    product /= <f32>channels;
    const sumV = f32x4.splat(sum);
    const productV = f32x4.splat(product);
    for (at = 0; at < whole; at += 16) {
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), centre), factor);
      const g = f32x4.mul(f32x4.mul(v128.load(dy + at), sV), v128.load(job.gamma + at));
      const rest = f32x4.sub(f32x4.sub(g, sumV), f32x4.mul(h, productV));
      v128.store(dx + at, f32x4.mul(rest, factor));
    }
    for (; at < bytes; at += 4) {
      const h = (load<f32>(x + at) - mean) * inverse;
      const g = load<f32>(dy + at) * s * load<f32>(job.gamma + at);
      store<f32>(dx + at, (g - sum - h * product) * inverse);
    }
  }
}
