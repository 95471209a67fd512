/** Functions that return a tf.LayersModel. */
export {type SwinResNetArgs, swinResNet} from './swin_resnet.js';
export {
  freezeStages,
  resetClassifier,
  type SwinBackboneArgs,
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
