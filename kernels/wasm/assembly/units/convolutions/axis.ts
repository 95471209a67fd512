/**
 * An axis of a class of cells; see convolution.ts. In the gradient, cells of the same (i mod sh, j mod sw), a class, are
 * seen by the same taps. A forward convolution is one class.
 */
import {panelBytes} from '../../arithmetic/pack';
import {Convolution} from './arguments';

/**
 * Cell p of the axis is cell `first + p step` of the result; tap t reads cell `p move + offset + t apart`.
 */
@unmanaged
export class Axis {
  cells: i32;
  first: i32;
  step: i32;
  move: i32;
  taps: i32;
  offset: i32;
  apart: i32;
}

/** Bytes that an axis takes in the scratch memory. */
export const AXIS_BYTES: usize = 32;

// @ts-expect-error: decorator
@inline
export function classOf(tap: i32, stride: i32, dilation: i32, pad: i32): i32 {
  const rest = (tap * dilation - pad) % stride;
  return rest < 0 ? rest + stride : rest;
}

/** Taps of class `kind` among [from, to). */
export function tapsOf(kind: i32, from: i32, to: i32, stride: i32, dilation: i32, pad: i32): i32 {
  let count = 0;
  for (let tap = from; tap < to; tap++) count += i32(classOf(tap, stride, dilation, pad) == kind);
  return count;
}

/** Taps of the classes before `kind`. */
function tapsBefore(kind: i32, taps: i32, stride: i32, dilation: i32, pad: i32): i32 {
  let count = 0;
  for (let tap = 0; tap < taps; tap++) count += i32(classOf(tap, stride, dilation, pad) < kind);
  return count;
}

export function setForwardAxis(axis: Axis, size: i32, taps: i32, stride: i32, dilation: i32, pad: i32): void {
  axis.cells = size;
  axis.first = 0;
  axis.step = 1;
  axis.move = stride;
  axis.taps = taps;
  axis.offset = -pad;
  axis.apart = dilation;
}

/** The last tap of the filter comes first: it finds the first cell. */
export function setGradientAxis(
  axis: Axis,
  kind: i32,
  size: i32,
  taps: i32,
  stride: i32,
  dilation: i32,
  pad: i32,
): void {
  axis.cells = max(0, (size - kind + stride - 1) / stride);
  axis.first = kind;
  axis.step = stride;
  axis.move = 1;
  axis.taps = tapsOf(kind, 0, taps, stride, dilation, pad);
  let last = 0;
  let apart = 0;
  let found = 0;
  for (let tap = taps - 1; tap >= 0 && found < 2; tap--) {
    if (classOf(tap, stride, dilation, pad) != kind) continue;
    if (found++ == 0) last = tap;
    else apart = ((last - tap) * dilation) / stride;
  }
  axis.offset = (kind + pad - last * dilation) / stride;
  axis.apart = apart;
}

/** Where the panels [ceil(n / 8)][taps of the class][inner][8] of a class of the gradient begin. */
export function panelsOfClass(job: Convolution, down: i32, across: i32): usize {
  const before =
    tapsBefore(down, job.filterHeight, job.strideHeight, job.dilationHeight, job.top) * job.filterWidth +
    tapsOf(down, 0, job.filterHeight, job.strideHeight, job.dilationHeight, job.top) *
      tapsBefore(across, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
  return job.panels + <usize>before * panelBytes(job.inner, job.n);
}
