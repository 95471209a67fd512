/** The gradient of a depthwise convolution for its filter; see depthwise.ts. */
import {loadSome, madd, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';
import {Depthwise} from './depthwise';
import {firstInside, insideUntil} from './sizes';

/** dw += the sum over `count` cells of x dy; 16 channels if `wide`, else the first `some` of four. */
// @ts-expect-error: decorator
@inline
function sumProducts(
  wide: bool,
  some: i32,
  dw: usize,
  x: usize,
  dy: usize,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (; count > 0; count--) {
    if (wide) {
      s0 = madd(s0, v128.load(x), v128.load(dy));
      s1 = madd(s1, v128.load(x, 16), v128.load(dy, 16));
      s2 = madd(s2, v128.load(x, 32), v128.load(dy, 32));
      s3 = madd(s3, v128.load(x, 48), v128.load(dy, 48));
    } else {
      s0 = madd(s0, loadSome(x, some), loadSome(dy, some));
    }
    x += step;
    dy += outStep;
  }
  if (wide) {
    v128.store(dw, f32x4.add(v128.load(dw), s0));
    v128.store(dw, f32x4.add(v128.load(dw, 16), s1), 16);
    v128.store(dw, f32x4.add(v128.load(dw, 32), s2), 32);
    v128.store(dw, f32x4.add(v128.load(dw, 48), s3), 48);
  } else {
    storeSome(dw, f32x4.add(loadSome(dw, some), s0), some);
  }
}

function sumRow(
  dw: usize,
  x: usize,
  dy: usize,
  channels: i32,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  let c = 0;
  for (; c + 16 <= channels; c += 16) {
    sumProducts(true, 4, dw, x, dy, count, step, outStep);
    dw += 64;
    x += 64;
    dy += 64;
  }
  for (; c < channels; c += 4) {
    sumProducts(false, min(4, channels - c), dw, x, dy, count, step, outStep);
    dw += 16;
    x += 16;
    dy += 16;
  }
}

/** The same where `multiplier` channels of dy and dw belong to each of x. */
function sumRowOfMany(
  dw: usize,
  x: usize,
  dy: usize,
  channels: i32,
  multiplier: i32,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  for (let c = 0; c < channels; c++) {
    for (let m = 0; m < multiplier; m++) {
      let from = x;
      let slope = dy;
      let sum: f32 = 0;
      for (let i = 0; i < count; i++) {
        sum += load<f32>(from) * load<f32>(slope);
        from += step;
        slope += outStep;
      }
      store<f32>(dw, load<f32>(dw) + sum);
      dw += 4;
      dy += 4;
    }
    x += 4;
  }
}

export function depthwiseFilterUnit(index: i32): void {
  const job = changetype<Depthwise>(unitArguments());
  const channels = job.channels;
  const multiplier = job.multiplier;
  const cell = (<usize>channels) << 2;
  const outCell = cell * <usize>multiplier;
  const line = <usize>job.width * cell;
  const outLine = <usize>job.outWidth * outCell;
  const step = <usize>job.strideWidth * cell;
  const size = <usize>(job.filterHeight * job.filterWidth) * outCell;
  const to = job.filter + <usize>index * size;
  memory.fill(to, 0, size);
  const last = min(job.batch * job.outHeight, (index + 1) * job.rowsPerUnit);
  for (let row = index * job.rowsPerUnit; row < last; row++) {
    const b = row / job.outHeight;
    const dy = job.dy + <usize>row * outLine;
    for (let kh = 0; kh < job.filterHeight; kh++) {
      const i = (row % job.outHeight) * job.strideHeight + kh * job.dilationHeight - job.top;
      if (i < 0 || i >= job.height) continue;
      const x = job.x + <usize>(b * job.height + i) * line;
      for (let kw = 0; kw < job.filterWidth; kw++) {
        const start = kw * job.dilationWidth - job.left;
        const from = firstInside(start, job.strideWidth);
        const count = min(job.outWidth, insideUntil(start, job.strideWidth, job.width)) - from;
        if (count <= 0) continue;
        const dw = to + <usize>(kh * job.filterWidth + kw) * outCell;
        const seen = x + <usize>(start + from * job.strideWidth) * cell;
        const at = dy + <usize>from * outCell;
        if (multiplier == 1) sumRow(dw, seen, at, channels, count, step, outCell);
        else sumRowOfMany(dw, seen, at, channels, multiplier, count, step, outCell);
      }
    }
  }
}
