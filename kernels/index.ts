/**
 * The operations as plain functions on tensors, for people who write their own layers. Each runs on any tfjs backend
 * and is differentiable; `kernelsInUse` tells what computes it.
 */
import './tensorflow/index.js';
import './wasm/index.js';
import './webgpu/index.js';

export * from './common/errors.js';
export type {BatchNormAttrs, BatchNormInputs} from './contracts/batch_norm.js';
export type {
  DepthwiseConvolutionAttrs,
  DepthwiseConvolutionInputs,
} from './contracts/depthwise_convolution.js';
export type {GeluInputs} from './contracts/gelu.js';
export type {LayerNormAttrs, LayerNormInputs} from './contracts/layer_norm.js';
export type {LinearAttrs, LinearInputs} from './contracts/linear.js';
export {
  type AdamAttrs,
  type AdamInputs,
  type AdamSettings,
  adamAttrs,
  type SgdAttrs,
  type SgdInputs,
} from './contracts/optimizer.js';
export type {PatchMergeInputs} from './contracts/patch_merge.js';
export type {SwinBlockAttrs, SwinBlockInputs} from './contracts/swin_block.js';
export type {WindowAttentionAttrs, WindowAttentionInputs} from './contracts/window_attention.js';
export {type KernelsInUse, kernelsInUse, type OperationName} from './dispatch.js';
export {
  logSpacedCoordinates,
  relativePositionIndex,
  relativeTableSize,
} from './geometry/relative_position.js';
export {type Pair, type WindowGeometry, type WindowPadding, windowGeometry} from './geometry/windows.js';
export {batchNorm, batchStatistics} from './operations/batch_norm.js';
export {depthwiseConvolution} from './operations/depthwise_convolution.js';
export {gelu} from './operations/gelu.js';
export {layerNorm} from './operations/layer_norm.js';
export {linear} from './operations/linear.js';
export {adamUpdate, sgdUpdate} from './operations/optimizer.js';
export {patchMerge} from './operations/patch_merge.js';
export {swinBlock} from './operations/swin_block.js';
export {windowAttention} from './operations/window_attention.js';
export {freeKernelMemory, type KernelMemory, kernelMemory} from './wasm/runtime/kernel_memory.js';
