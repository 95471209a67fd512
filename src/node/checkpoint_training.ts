/** Training with checkpoints in a folder: `train` and `trainSegmentation` of tfjs-swint, which also take its path. */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {DatasetSplit} from '../data/dataset.js';
import type {SegmentationSplit} from '../data/segmentation_dataset.js';
import {ConfigError} from '../errors.js';
import type {CheckpointOptions} from '../training/checkpoints.js';
import type {SegmentationHistory} from '../training/segmentation_history.js';
import {type TrainOptions, train as trainAnywhere} from '../training/train.js';
import {
  type SegmentationTrainOptions,
  trainSegmentation as trainSegmentationAnywhere,
} from '../training/train_segmentation.js';
import type {TrainingHistory} from '../training/training_history.js';
import {checkpointFolder} from './checkpoint_folder.js';

/** A folder in place of a store; made where missing. */
export type FolderCheckpointOptions =
  | CheckpointOptions
  | (Omit<CheckpointOptions, 'store'> & {store?: undefined; dir: string});

/** The options of a trainer whose checkpoints may be in a folder. */
export type WithFolder<Options> = Omit<Options, 'checkpoint'> & {checkpoint?: FolderCheckpointOptions};

/** Trains an image classifier; see `train` of tfjs-swint. `checkpoint: {dir: 'runs/a', everySeconds: 60}` names a folder. */
export async function train(
  model: tfl.LayersModel,
  data: DatasetSplit,
  options: WithFolder<TrainOptions> = {},
): Promise<TrainingHistory> {
  return trainAnywhere(model, data, withStore('train', options));
}

/** Trains a segmentation network; see `trainSegmentation` of tfjs-swint. Checkpoints as for `train`. */
export async function trainSegmentation(
  model: tfl.LayersModel,
  data: SegmentationSplit,
  options: WithFolder<SegmentationTrainOptions> = {},
): Promise<SegmentationHistory> {
  return trainSegmentationAnywhere(model, data, withStore('trainSegmentation', options));
}

function withStore<Options extends {checkpoint?: FolderCheckpointOptions}>(
  who: string,
  options: Options,
): Omit<Options, 'checkpoint'> & {checkpoint?: CheckpointOptions} {
  const {checkpoint, ...others} = options;
  if (checkpoint === undefined || !('dir' in checkpoint)) {
    return {...others, ...(checkpoint && {checkpoint: checkpoint as CheckpointOptions})};
  }
  const {dir, ...rest} = checkpoint;
  if (typeof dir !== 'string' || dir === '' || rest.store !== undefined) {
    throw new ConfigError(
      `${who}: checkpoint must have a store or the path of a folder, dir; got ${typeof dir === 'string' ? `dir '${dir}'` : `a ${typeof dir}`}` +
        `${rest.store === undefined ? '' : ' and a store'}.`,
    );
  }
  return {...others, checkpoint: {...rest, store: checkpointFolder(dir)}};
}
