/**
 * The kernels of the library's own operations on tfjs's webgpu backend: put in, and taken out again so that the composed
 * versions compute on tfjs's own kernels.
 */
import {registerKernels, unregisterKernels} from '../../registration.js';
import {batchNormConfig, batchStatisticsConfig} from './batch_norm.js';
import {batchNormGradConfig} from './batch_norm_grad.js';
import {
  depthwiseConvolutionConfig,
  depthwiseConvolutionGradWeightConfig,
  depthwiseConvolutionGradXConfig,
} from './depthwise_convolution.js';
import {geluConfig} from './gelu.js';
import {layerNormConfig} from './layer_norm.js';
import {layerNormGradConfig} from './layer_norm_grad.js';
import {linearConfig} from './linear.js';
import {
  linearGradBiasConfig,
  linearGradOutputConfig,
  linearGradWeightConfig,
  linearGradXConfig,
} from './linear_grad.js';
import {adamUpdateConfig, sgdUpdateConfig} from './optimizer.js';
import {patchMergeConfig, patchMergeGradConfig} from './patch_merge.js';
import {swinBlockConfig} from './swin_block.js';
import {swinBlockGradConfig} from './swin_block_grad.js';
import {windowAttentionConfig} from './window_attention.js';
import {windowAttentionGradConfig} from './window_attention_grad.js';

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
  linearGradBiasConfig,
  linearGradOutputConfig,
  linearGradWeightConfig,
  linearGradXConfig,
  patchMergeConfig,
  patchMergeGradConfig,
  sgdUpdateConfig,
  swinBlockConfig,
  swinBlockGradConfig,
  windowAttentionConfig,
  windowAttentionGradConfig,
];

/** Registers them. One that the application has registered under the same name stays. */
export const registerOperations = (): void => registerKernels(configs);

/** Takes them out. One that the application has registered stays. */
export const unregisterOperations = (): void => unregisterKernels(configs);
