/** Sizes of a convolution of maps [B, H, W, C], without regard to what computes it. */

export type Shape4D = [number, number, number, number];

/** What tfjs-core's `computeConv2DInfo` gives, as far as it is read here. */
export interface ConvolutionSizes {
  batchSize: number;
  inHeight: number;
  inWidth: number;
  inChannels: number;
  outHeight: number;
  outWidth: number;
  outChannels: number;
  filterHeight: number;
  filterWidth: number;
  strideHeight: number;
  strideWidth: number;
  dilationHeight: number;
  dilationWidth: number;
  padInfo: {top: number; left: number};
}

/**
 * The same convolution where patches lie side by side: the cells of a row of a patch are one cell of all their channels,
 * which makes longer loops. x [B, H, OW*KW, Cin] lies in memory like [B, H, OW, KW*Cin], W like [KH, 1, KW*Cin, Cout].
 */
export function joinPatches<Sizes extends ConvolutionSizes>(sizes: Sizes): Sizes {
  const {filterWidth, strideWidth, dilationWidth, inWidth, outWidth, inChannels, padInfo} = sizes;
  const sideBySide = filterWidth === strideWidth && dilationWidth === 1 && padInfo.left === 0;
  if (!sideBySide || inWidth !== outWidth * filterWidth) {
    return sizes;
  }
  return {...sizes, inWidth: outWidth, inChannels: filterWidth * inChannels, filterWidth: 1, strideWidth: 1};
}

/** Whether a sum of the convolution or of its gradients has no terms, or there is no sum. */
export function isEmpty(sizes: ConvolutionSizes): boolean {
  const {batchSize, inHeight, inWidth, inChannels, outHeight, outWidth} = sizes;
  const filter = sizes.filterHeight * sizes.filterWidth * sizes.outChannels;
  return batchSize * inHeight * inWidth * inChannels * outHeight * outWidth * filter === 0;
}
