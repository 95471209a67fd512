/** What every layout tells: where a weight of a model stands in a checkpoint, and in which order of axes. */
import type {Form} from '../axes.js';

/** How a weight of ours is made of the checkpoint's. */
export interface WeightSource {
  /** Names in the checkpoint; several are put after each other along their first axis. */
  names: string[];
  form: Form;
  /** Which third of the first axis is taken: of torchvision's joint bias in V2. */
  third?: 0 | 2;
}

/** A weight of a model by its names. */
export interface WeightName {
  /** As tfjs has it: `layers.0/blocks.1.attn.qkv.weight`, `head/kernel`. */
  original: string;
  /** As microsoft has it: `layers.0.blocks.1.attn.qkv.weight`, `head.weight`. */
  canonical: string;
}

/** Where a weight stands, or undefined where the layout has no place for it. */
export type Naming = (weight: WeightName) => WeightSource | undefined;

/** A block's weight: stage, block within it, and the rest of the name. */
export const BLOCK = /^layers\.(\d+)\.blocks\.(\d+)\.(.+)$/;
/** A merging's weight: stage before it, and the rest. */
export const MERGING = /^layers\.(\d+)\.downsample\.(.+)$/;

const MATRIX = /(^|\.)(qkv|proj|fc1|fc2|reduction|cpb_mlp\.[02]|head)\.weight$/;

/** The order of axes of PyTorch, by the name that microsoft gives a weight. */
export function torchForm(canonical: string): Form {
  if (canonical === 'patch_embed.proj.weight') return 'convolution';
  if (canonical === 'absolute_pos_embed') return 'cells';
  return MATRIX.test(canonical) ? 'matrix' : 'same';
}
