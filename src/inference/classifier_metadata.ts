/**
 * What a classifier says about itself: its classes and how its images were prepared. Kept in the model's
 * `userDefinedMetadata`, so that it is saved in model.json and is there again after loading.
 *
 * `swinTransformer` says which size of image it is for; `train` says the rest.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {PreprocessConfig} from '../data/preprocess.js';

export interface ClassifierMetadata extends PreprocessConfig {
  /** Names of the classes, in the order of the outputs. */
  classNames?: readonly string[];
}

/** What the model says; an empty object where it says nothing. */
export function classifierMetadata(model: tfl.LayersModel): ClassifierMetadata {
  return {...(model.getUserDefinedMetadata() as ClassifierMetadata | undefined)};
}

/** Adds to what the model says, in place of what it said under the same names. */
export function describeClassifier(model: tfl.LayersModel, metadata: ClassifierMetadata): void {
  model.setUserDefinedMetadata({...classifierMetadata(model), ...metadata});
}
