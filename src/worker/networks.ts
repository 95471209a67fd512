/** The networks that a worker builds by name. The page imports the types alone. */
import {
  swinBackbone,
  swinBase,
  swinCifar,
  swinCifarTiny,
  swinLarge,
  swinResNet,
  swinSmall,
  swinTiny,
  swinTransformer,
  swinUNet,
  swinV2Base,
  swinV2Large,
  swinV2Small,
  swinV2Tiny,
} from '../../architectures/index.js';

export const NETWORKS = {
  ...{swinResNet, swinTransformer, swinUNet, swinBackbone},
  ...{swinTiny, swinSmall, swinBase, swinLarge},
  ...{swinV2Tiny, swinV2Small, swinV2Base, swinV2Large},
  ...{swinCifar, swinCifarTiny},
} as const;

export type NetworkName = keyof typeof NETWORKS;

/** The arguments of a network. */
export type NetworkArgs<Name extends NetworkName> = Parameters<(typeof NETWORKS)[Name]>[0];
