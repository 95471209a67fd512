/** The sizes of a convolution as the kernels take them (assembly/kernels/convolution_sizes.ts). */

import type {ConvolutionSizes} from '../../geometry/convolution.js';
import type {KernelExports} from '../runtime/kernel_exports.js';

/** Leaves the sizes where the kernel that is called next finds them. */
export function setSizes(kernels: KernelExports, info: ConvolutionSizes): void {
  kernels.convolutionSizes(
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
  );
}
