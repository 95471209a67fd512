/** Functions that return a tf.LayersModel. */
export type {SwinBackboneArgs} from './swin_parts.js';
export {type SwinResNetArgs, swinResNet} from './swin_resnet.js';
export {
  freezeStages,
  resetClassifier,
  type SwinTransformerArgs,
  swinBackbone,
  swinBase,
  swinCifar,
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
