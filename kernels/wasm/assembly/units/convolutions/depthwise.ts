/**
 * The gradients of a depthwise convolution, and the arguments of their units:
 *
 *   dx[b, i, j, c]      = sum over kh, kw, m of dy[b, p, q, c M + m] W[kh, kw, c, m]
 *   dW[kh, kw, c, m]    = sum over b, p, q of   dy[b, p, q, c M + m] x[b, i, j, c]
 *
 *   for i = p sh + kh dh - top, j = q sw + kw dw - left inside of x
 *   x, dx [B, H, W, C], dy [B, OH, OW, C M], W, dW [KH, KW, C, M].
 *
 * Both go along a row of dy for one tap at a time, where the cells of dx or x are a fixed step apart; 16 channels are
 * held in registers. With M above 1 it is the same loop one channel of dy at a time. A unit of dx is some of its rows;
 * a unit of dW is some rows of dy, whose sums are added up in order (see products/sum_parts.ts).
 */
import {ConvolutionSizes} from './sizes';

@unmanaged
export class Depthwise extends ConvolutionSizes {
  /** x or dx. */
  x: usize;
  dy: usize;
  /** W or the parts of dW. */
  filter: usize;
  multiplier: i32;
  rowsPerUnit: i32;
}
