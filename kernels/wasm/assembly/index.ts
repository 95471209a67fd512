/** What JavaScript calls. Addresses and counts are numbers; see the named files. */
export {attach, serve} from './threads';
export {freeScratch, scratchBytes, sharedScratch} from './arena';
export {packPanels, productColumns, productRows} from './product';
export {panelBytes} from './pack';
export {peak, peakOperations} from './peak';
export {batchNormalise, batchNormGradient, batchStatistics} from './batch_norm';
export {matrixProducts} from './matrix_products';
export {adamUpdate, sgdUpdate} from './optimizer';
export {patchMerge, patchMergeGradient} from './patch_merge';
export {copyRows, transposeSquares} from './permute';
export {axisSums} from './sums';
