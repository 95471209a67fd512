/** Leaves the sizes of a convolution where its kernels find them. It is called right before the kernel. */
import {unitArguments} from '../ground/control_block';
import {ConvolutionSizes} from '../units/convolutions/sizes';

export function convolutionSizes(
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  dilationHeight: i32,
  dilationWidth: i32,
  top: i32,
  left: i32,
): void {
  const sizes = changetype<ConvolutionSizes>(unitArguments());
  sizes.batch = batch;
  sizes.height = height;
  sizes.width = width;
  sizes.channels = channels;
  sizes.outHeight = outHeight;
  sizes.outWidth = outWidth;
  sizes.outChannels = outChannels;
  sizes.filterHeight = filterHeight;
  sizes.filterWidth = filterWidth;
  sizes.strideHeight = strideHeight;
  sizes.strideWidth = strideWidth;
  sizes.dilationHeight = dilationHeight;
  sizes.dilationWidth = dilationWidth;
  sizes.top = top;
  sizes.left = left;
}

/** Whether every cell is seen once and in order, by one tap: a product of matrices as they lie. */
export function isPointwise(sizes: ConvolutionSizes): bool {
  return (
    sizes.filterHeight * sizes.filterWidth == 1 &&
    sizes.strideHeight * sizes.strideWidth == 1 &&
    (sizes.top | sizes.left) == 0 &&
    sizes.height == sizes.outHeight &&
    sizes.width == sizes.outWidth
  );
}
