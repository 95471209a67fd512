/** The gradient of a depthwise convolution for its input; see depthwise.ts. */
import {loadSome, madd, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';
import {Depthwise} from './depthwise';
import {firstInside, insideUntil} from './sizes';

/** dx += dy w for `count` cells, steps in bytes; 16 channels if `wide`, else the first `some` of four. */
// @ts-expect-error: decorator
@inline
function addProducts(
  wide: bool,
  some: i32,
  dx: usize,
  dy: usize,
  w: usize,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  const w0 = wide ? v128.load(w) : loadSome(w, some);
  const w1 = wide ? v128.load(w, 16) : w0;
  const w2 = wide ? v128.load(w, 32) : w0;
  const w3 = wide ? v128.load(w, 48) : w0;
  for (; count > 0; count--) {
    if (wide) {
      v128.store(dx, madd(v128.load(dx), v128.load(dy), w0));
      v128.store(dx, madd(v128.load(dx, 16), v128.load(dy, 16), w1), 16);
      v128.store(dx, madd(v128.load(dx, 32), v128.load(dy, 32), w2), 32);
      v128.store(dx, madd(v128.load(dx, 48), v128.load(dy, 48), w3), 48);
    } else {
      storeSome(dx, madd(loadSome(dx, some), loadSome(dy, some), w0), some);
    }
    dx += step;
    dy += outStep;
  }
}

function addRow(
  dx: usize,
  dy: usize,
  w: usize,
  channels: i32,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  let c = 0;
  for (; c + 16 <= channels; c += 16) {
    addProducts(true, 4, dx, dy, w, count, step, outStep);
    dx += 64;
    dy += 64;
    w += 64;
  }
  for (; c < channels; c += 4) {
    addProducts(false, min(4, channels - c), dx, dy, w, count, step, outStep);
    dx += 16;
    dy += 16;
    w += 16;
  }
}

/** The same where `multiplier` channels of dy and W belong to each of dx. */
function addRowOfMany(
  dx: usize,
  dy: usize,
  w: usize,
  channels: i32,
  multiplier: i32,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  for (; count > 0; count--) {
    let from = dy;
    let factor = w;
    for (let c: usize = 0; c < <usize>channels; c++) {
      let sum = load<f32>(dx + (c << 2));
      for (let m = 0; m < multiplier; m++) {
        sum += load<f32>(from) * load<f32>(factor);
        from += 4;
        factor += 4;
      }
      store<f32>(dx + (c << 2), sum);
    }
    dx += step;
    dy += outStep;
  }
}

export function depthwiseInputUnit(index: i32): void {
  const job = changetype<Depthwise>(unitArguments());
  const channels = job.channels;
  const multiplier = job.multiplier;
  const cell = (<usize>channels) << 2;
  const outCell = cell * <usize>multiplier;
  const line = <usize>job.width * cell;
  const outLine = <usize>job.outWidth * outCell;
  const step = <usize>job.strideWidth * cell;
  const last = min(job.batch * job.height, (index + 1) * job.rowsPerUnit);
  for (let row = index * job.rowsPerUnit; row < last; row++) {
    const b = row / job.height;
    const to = job.x + <usize>row * line;
    memory.fill(to, 0, line);
    for (let kh = 0; kh < job.filterHeight; kh++) {
      const distance = (row % job.height) + job.top - kh * job.dilationHeight;
      const p = distance / job.strideHeight;
      if (distance < 0 || p * job.strideHeight != distance || p >= job.outHeight) continue;
      const dy = job.dy + <usize>(b * job.outHeight + p) * outLine;
      for (let kw = 0; kw < job.filterWidth; kw++) {
        const start = kw * job.dilationWidth - job.left;
        const from = firstInside(start, job.strideWidth);
        const count = min(job.outWidth, insideUntil(start, job.strideWidth, job.width)) - from;
        if (count <= 0) continue;
        const dx = to + <usize>(start + from * job.strideWidth) * cell;
        const w = job.filter + <usize>(kh * job.filterWidth + kw) * outCell;
        const at = dy + <usize>from * outCell;
        if (multiplier == 1) addRow(dx, at, w, channels, count, step, outCell);
        else addRowOfMany(dx, at, w, channels, multiplier, count, step, outCell);
      }
    }
  }
}
