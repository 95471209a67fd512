/** SwinT and its parts as tfjs layers. Importing this registers their classes, so that saved models load. */
export type {DataFormat} from '../kernels/common/data_format.js';
export {ConfigError, ShapeError} from '../kernels/common/errors.js';
export {AbsolutePosition, type AbsolutePositionArgs, absolutePosition} from './absolute_position.js';
export {
  BatchNormalization,
  type BatchNormalizationArgs,
  batchNormalization,
} from './batch_normalization.js';
export {CropLike, cropLike} from './crop_like.js';
export {CropValid, type CropValidArgs, cropValid} from './crop_valid.js';
export {DiracInitializer, type DiracInitializerArgs, diracInitializer} from './dirac_initializer.js';
export {DropPath, type DropPathArgs, dropPath} from './drop_path.js';
export {Gelu, gelu} from './gelu.js';
export {GlobalMaxPooling, globalMaxPooling} from './global_max_pooling.js';
export {
  LayerNormalization,
  type LayerNormalizationArgs,
  layerNormalization,
} from './layer_normalization.js';
export {PatchEmbed, type PatchEmbedArgs, patchEmbed} from './patch_embed.js';
export {PatchExpanding, type PatchExpandingArgs, patchExpanding} from './patch_expanding.js';
export {PatchMerging, type PatchMergingArgs, patchMerging} from './patch_merging.js';
export {SwinBlock, type SwinBlockArgs, swinBlock, type Variant} from './swin_block.js';
export {SHIFT_RULES, type ShiftRule, SwinT, type SwinTArgs, swinT} from './swin_t.js';
export {WindowAttention, type WindowAttentionArgs, windowAttention} from './window_attention.js';
