/**
 * What needs files: images, folders of images and masks, CIFAR binaries, saved models, checkpoints, reports. Node only.
 * Importing this registers the layers and optimizers, so that saved models load.
 */
import '../layers/index.js';
import './training/adam.js';
import './training/adamw.js';
import './training/muon.js';
import './training/sgd.js';

export type {RgbImage} from './data/rgb_image.js';
export {
  classColor,
  ERROR_COLORS,
  type OverlayArgs,
  type OverlayErrorsArgs,
  overlayErrors,
  overlayMask,
  type Rgb,
  sideBySide,
} from './inference/overlay.js';
export {attentionMaps} from './node/attention_maps.js';
export {checkpointFolder} from './node/checkpoint_folder.js';
export {
  type FolderCheckpointOptions,
  train,
  trainSegmentation,
  type WithFolder,
} from './node/checkpoint_training.js';
export {type CifarFilesArgs, cifarFiles, detectCifar} from './node/cifar_files.js';
export {classify, preprocess} from './node/classify.js';
export {type DecodeImageArgs, decodeImage, encodePng, imageDecoder} from './node/image_file.js';
export {type ImageFolderArgs, imageFolder} from './node/image_folder.js';
export type {ImageSource} from './node/image_source.js';
export {inspectCheckpoint} from './node/inspect_checkpoint.js';
export {loadModel} from './node/load_model.js';
export {type MaskFolderArgs, maskFolder} from './node/mask_folder.js';
export type {MaskValue} from './node/mask_values.js';
export {overlayPng} from './node/overlay.js';
export {predictSegmentation} from './node/predict_segmentation.js';
export {type PretrainedOptions, pretrained} from './node/pretrained.js';
export {type ReportArgs, type ReportedModel, writeReport} from './node/report.js';
export {type SaveModelOptions, saveModel} from './node/save_model.js';
export {
  type ReportedPicture,
  type SegmentationReportArgs,
  writeSegmentationReport,
} from './node/segmentation_report.js';
export {loadWeights, saveWeights, swinFromCheckpoint} from './node/weight_files.js';
export {type PretrainedCard, type PretrainedName, pretrainedModels} from './pretrained_models.js';
export type {Quantization} from './weights/quantize.js';
