/** What JavaScript calls. Addresses and counts are numbers; see the named files. */
export {attach, serve} from './threads';
export {callerScratch, freeScratch, scratchBytes, sharedScratch} from './arena';
export {convolution, convolutionInputGradient} from './convolution';
export {convolutionSizes} from './convolution_sizes';
export {convolutionFilterGradient} from './convolution_filter';
export {depthwiseFilterGradient, depthwiseInputGradient} from './depthwise';
export {packPanels, productColumns, productRows} from './product';
export {panelBytes} from './pack';
export {peak, peakOfThreads} from './peak';
export {layerNorm, layerNormGrad} from './layer_norm';
export {linearGradOutput} from './linear_grad';
export {windowAttention} from './window_attention';
export {windowAttentionGrad} from './window_attention_grad';
