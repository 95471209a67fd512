/** What became of the weights of a checkpoint, and what of it is an error. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError} from '../errors.js';
import type {Layout, Version} from './layouts/index.js';
import {isCheckpointHead, isHead} from './weight_names.js';

/** By the names of the model and, for `unexpected`, of the checkpoint. */
export interface LoadReport {
  layout: Layout;
  /** What is before all names in the file, for example `module.`; none: ''. */
  prefix: string;
  matched: string[];
  /** Of another size, resized. */
  resized: string[];
  /** Not in the checkpoint, or of a size that cannot be resized: left as they were. */
  missing: string[];
  /** In the checkpoint, and of no use to the model. */
  unexpected: string[];
  /**
   * What the file does not tell and was assumed, where the model computes otherwise than the file's own system, and what was
   * found in the files beside it and could not be used.
   */
  notes: string[];
}

/** Both versions have weights of the same names and other sizes: said first, the reason is clear. */
export function checkVersion(who: string, theirs: Version, ours: Version): void {
  if (theirs === ours) return;
  throw new CheckpointError(
    `${who}: the checkpoint must be of Swin ${ours} as the model is; got one of ${theirs} (variant: '${theirs.toLowerCase()}').`,
  );
}

/** Weights of miziha's layer fit variant 'v1' too, which computes something else with them. */
export function checkVariant(who: string, model: tfl.LayersModel): void {
  for (const layer of model.layers) {
    const {variant} = layer.getConfig();
    if (layer.getClassName() !== 'SwinT' || variant === 'miziha') continue;
    throw new CheckpointError(
      `${who}: the weights of miziha's SwinT must go into layers of variant 'miziha'; got '${variant}' in ${layer.name}.`,
    );
  }
}

/** Weights at the end of a SwinT layer, which its argument `projection` asks for, called cnn in miziha's files. */
const isProjection = (name: string) => /(^|[./])(projection|cnn)\.(weight|bias)$/.test(name);

/** Throws for what has no like; a head for other classes is none. */
export function checkStrict(who: string, {missing, unexpected}: LoadReport): void {
  const lost = missing.filter((name) => !isHead(name));
  if (lost.length > 0) {
    throw new CheckpointError(
      `${who}: every weight of the model must be in the checkpoint; ${lost.length} are not, ${lost[0]} first ` +
        `(${lost.some(isProjection) ? 'layers without projection: true do not need it' : 'another architecture or variant'}? ` +
        'strict: false leaves them as they are).',
    );
  }
  const extra = unexpected.filter((name) => !isCheckpointHead(name));
  if (extra.length > 0) {
    throw new CheckpointError(
      `${who}: every tensor of the checkpoint must belong to the model; ${extra.length} do not, ${extra[0]} first ` +
        `(${extra.some(isProjection) ? 'layers with projection: true have it' : 'another architecture or variant'}? ` +
        'strict: false leaves them out).',
    );
  }
}
