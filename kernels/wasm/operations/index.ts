/**
 * The kernels of the library's own operations on tfjs's wasm backend: put in, and taken out again so that the composed
 * versions compute on whatever kernels tfjs has.
 */
import {registerKernels, unregisterKernels} from '../../registration.js';
import {sumRowsConfig} from '../primitives/axis_sums.js';
import {matrixProductConfig} from '../primitives/matrix_product.js';
import {batchNormConfig, batchNormGradConfig, batchStatisticsConfig} from './batch_norm.js';
import {
  depthwiseConvolutionConfig,
  depthwiseConvolutionGradWeightConfig,
  depthwiseConvolutionGradXConfig,
} from './depthwise_convolution.js';
import {geluConfig} from './gelu.js';
import {layerNormConfig, layerNormGradConfig} from './layer_norm.js';
import {linearConfig, linearGradOutputConfig, linearGradWeightConfig, linearGradXConfig} from './linear.js';
import {adamUpdateConfig, sgdUpdateConfig} from './optimizer.js';
import {patchMergeConfig, patchMergeGradConfig} from './patch_merge.js';
import {swinBlockConfig} from './swin_block.js';
import {windowAttentionConfig, windowAttentionGradConfig} from './window_attention.js';

const configs = [
  adamUpdateConfig,
  batchNormConfig,
  batchNormGradConfig,
  batchStatisticsConfig,
  depthwiseConvolutionConfig,
  depthwiseConvolutionGradWeightConfig,
  depthwiseConvolutionGradXConfig,
  geluConfig,
  layerNormConfig,
  layerNormGradConfig,
  linearConfig,
  linearGradOutputConfig,
  linearGradWeightConfig,
  linearGradXConfig,
  matrixProductConfig,
  patchMergeConfig,
  patchMergeGradConfig,
  sgdUpdateConfig,
  sumRowsConfig,
  swinBlockConfig,
  windowAttentionConfig,
  windowAttentionGradConfig,
];

/** Registers them. One that the application has registered under the same name stays. */
export const registerOperations = (): void => registerKernels(configs);

/** Takes them out. One that the application has registered stays. */
export const unregisterOperations = (): void => unregisterKernels(configs);
