/**
 * What a segmentation network says about itself: its classes and how its images were prepared. Kept in the model's
 * `userDefinedMetadata`, as classifier_metadata.ts does for classifiers; `trainSegmentation` writes it.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {defined} from '../../kernels/common/defined.js';
import type {NormaliseArgs} from '../data/normalise.js';

export interface SegmenterMetadata extends NormaliseArgs {
  /** Names of the classes, in the order of the outputs. */
  classNames?: readonly string[];
  /** Name of the class that pictures leave uncoloured. */
  background?: string;
  /** Name of the class whose pixels part the segments of the others, as membranes part cells; see rand_score.ts. */
  border?: string;
}

/** What the model says; an empty object where it says nothing. */
export function segmenterMetadata(model: tfl.LayersModel): SegmenterMetadata {
  return {...(model.getUserDefinedMetadata() as SegmenterMetadata | undefined)};
}

/** Adds to what the model says, in place of what it said under the same names. */
export function describeSegmenter(model: tfl.LayersModel, metadata: SegmenterMetadata): void {
  model.setUserDefinedMetadata({...segmenterMetadata(model), ...metadata});
}

/** Options of a prediction: where they leave out how images were prepared, it is what the model says of itself. */
export function withPreparation<T extends NormaliseArgs>(model: tfl.LayersModel, options: T): T {
  const {mean, std, dataFormat} = segmenterMetadata(model);
  return {...defined({mean, std, dataFormat}), ...defined(options)} as T;
}
