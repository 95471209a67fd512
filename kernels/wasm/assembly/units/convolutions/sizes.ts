/**
 * The sizes of a convolution, which all its kernels take from where `convolutionSizes` leaves them: at the beginning of
 * the arguments of the units. It is called right before the kernel.
 *
 *   x [B, H, W, Cin], y [B, OH, OW, Cout], filter [KH, KW]
 *
 * Tap k of an axis meets cell o stride + k dilation - pad of x in output cell o; pad is the padding before the first
 * cell.
 */

@unmanaged
export class ConvolutionSizes {
  batch: i32;
  height: i32;
  width: i32;
  channels: i32;
  outHeight: i32;
  outWidth: i32;
  outChannels: i32;
  filterHeight: i32;
  filterWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  dilationHeight: i32;
  dilationWidth: i32;
  top: i32;
  left: i32;
}

// @ts-expect-error: decorator
@inline
export function firstInside(start: i32, stride: i32): i32 {
  return start >= 0 ? 0 : (stride - 1 - start) / stride;
}

/** How many output cells o from 0 on have start + o stride < size. */
// @ts-expect-error: decorator
@inline
export function insideUntil(start: i32, stride: i32, size: i32): i32 {
  return start >= size ? 0 : (size - 1 - start) / stride + 1;
}
