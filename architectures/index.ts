/** Functions that return a tf.LayersModel. Importing this registers the layers, so that saved models load. */
import '../layers/index.js';

export type {Conv2DInfo, KeptConvolution} from './find_convolutions.js';
export type {KeepPath} from './kept_path.js';
export {type ReplaceConv2DOptions, replaceConv2D} from './replace_conv2d.js';
export type {ReplacedConv2D, ReplaceReport} from './replace_report.js';
export type {SwinBackboneArgs} from './swin_parts.js';
export {swinResNet} from './swin_resnet.js';
export type {SwinResNetArgs} from './swin_resnet_arguments.js';
export {
  freezeStages,
  resetClassifier,
  type SwinTransformerArgs,
  swinBackbone,
  swinBase,
  swinCifar,
  swinCifarTiny,
  swinLarge,
  swinSmall,
  swinTiny,
  swinTransformer,
  swinV2Base,
  swinV2Large,
  swinV2Small,
  swinV2Tiny,
} from './swin_transformer.js';
export {decoderFromEncoder, type SwinUNetArgs, swinUNet} from './swin_unet.js';
