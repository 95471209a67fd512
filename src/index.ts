/** tfjs-swint: Swin Transformer layers, networks and training for TensorFlow.js, in browsers and in Node. */
export {
  type Conv2DInfo,
  decoderFromEncoder,
  freezeStages,
  type KeepPath,
  type KeptConvolution,
  type ReplaceConv2DOptions,
  type ReplacedConv2D,
  type ReplaceReport,
  replaceConv2D,
  resetClassifier,
  type SwinBackboneArgs,
  type SwinResNetArgs,
  type SwinTransformerArgs,
  type SwinUNetArgs,
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
} from '../architectures/index.js';
export {
  freeKernelMemory,
  type KernelMemory,
  type KernelsInUse,
  kernelMemory,
  kernelsInUse,
} from '../kernels/index.js';
export {
  type AbsolutePositionArgs,
  absolutePosition,
  type BatchNormalizationArgs,
  batchNormalization,
  type CropValidArgs,
  cropLike,
  cropValid,
  type DataFormat,
  type DiracInitializerArgs,
  type DropPathArgs,
  diracInitializer,
  dropPath,
  gelu,
  globalMaxPooling,
  type LayerNormalizationArgs,
  layerNormalization,
  type PatchEmbedArgs,
  type PatchExpandingArgs,
  type PatchMergingArgs,
  patchEmbed,
  patchExpanding,
  patchMerging,
  type SwinBlockArgs,
  type SwinTArgs,
  swinBlock,
  swinT,
  type Variant,
  type WindowAttentionArgs,
  windowAttention,
} from '../layers/index.js';
export {type BackendReport, backendReport} from './backends/backend_report.js';
export {disposeEverything} from './backends/dispose_everything.js';
export {type BackendName, type SetupBackendOptions, setupBackend} from './backends/setup_backend.js';
export {type Batch, type BatchesArgs, batches} from './data/batches.js';
export {type CifarKind, type ParseCifarArgs, parseCifar} from './data/cifar.js';
export {type CropBatchesArgs, cropBatches, type SegmentationBatch} from './data/crop_batches.js';
export type {DatasetSplit, ImageDataset} from './data/dataset.js';
export type {ImageInput, PixelBytes} from './data/image_input.js';
export type {ImageBatch, NetInputLike} from './data/image_list.js';
export {imagenetLabels} from './data/imagenet_labels.js';
export type {Mix} from './data/mix_images.js';
export {type ChannelStatistics, type ChannelStatisticsArgs, channelStatistics} from './data/normalise.js';
export {IMAGENET_MEAN, IMAGENET_STD, type PreprocessConfig, preprocess} from './data/preprocess.js';
export type {RandomErasingArgs} from './data/random_erasing.js';
export {type Interpolation, resizeImage} from './data/resize.js';
export type {RgbImage} from './data/rgb_image.js';
export {
  IGNORED_PIXEL,
  type LabelledImage,
  type PixelImage,
  type SegmentationDataset,
  type SegmentationSplit,
} from './data/segmentation_dataset.js';
export {
  type DrawnShapesArgs,
  drawnShapes,
  type ShapesDataset,
  type ShapesSplitArgs,
  shapesSplit,
} from './data/shapes.js';
export {type SubsetArgs, subset} from './data/subset.js';
export * from './errors.js';
export {
  type AttentionMaps,
  type AttentionMapsOptions,
  attentionMaps,
  attentionOfCell,
  type RolloutMap,
} from './inference/attention_maps.js';
export type {LayerAttention} from './inference/attention_run.js';
export {type ClassifyOptions, classify, type Prediction} from './inference/classify.js';
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
export type {Views} from './inference/views.js';
export {
  type CheckpointInspection,
  type InspectedTensor,
  type InspectOptions,
  inspectCheckpoint,
} from './inspect_checkpoint.js';
export {type LayerInfo, type ModelInfo, modelInfo} from './model_info.js';
export {type PretrainedOptions, pretrained} from './pretrained.js';
export {type PretrainedCard, type PretrainedName, pretrainedModels} from './pretrained_models.js';
export {Adam, type AdamArgs} from './training/adam.js';
export {AdamW, type AdamWArgs} from './training/adamw.js';
export type {Averaging, EmaAveraging, LookaheadAveraging} from './training/averaging.js';
export type {TrainingCallback, TrainingLogs} from './training/callbacks.js';
export type {CheckpointStore} from './training/checkpoint_store.js';
export type {CheckpointOptions, ResumeOptions} from './training/checkpoints.js';
export {type Evaluation, evaluate} from './training/evaluate.js';
export {
  type EvaluateSegmentationOptions,
  evaluateSegmentation,
  type SegmentationEvaluation,
} from './training/evaluate_segmentation.js';
export {Muon, type MuonAdamWArgs, type MuonArgs} from './training/muon.js';
export type {NamePattern} from './training/name_pattern.js';
export {
  type PredictedMask,
  type PredictSegmentationOptions,
  predictSegmentation,
  type TileOptions,
} from './training/predict_segmentation.js';
export type {ProgressiveResizing} from './training/progressive_resizing.js';
export {type RandScore, type RandScoreArgs, randScore} from './training/rand_score.js';
export type {RecipeName} from './training/recipes.js';
export {
  type CosineScheduleArgs,
  constantSchedule,
  cosineSchedule,
  type PlateauScheduleArgs,
  plateauSchedule,
  type Schedule,
  type ScheduleState,
  type TestFigures,
  type TriangularScheduleArgs,
  triangularSchedule,
} from './training/schedule.js';
export type {
  SegmentationBatchReport,
  SegmentationEpochReport,
  SegmentationHistory,
} from './training/segmentation_history.js';
export {
  type DiceCrossEntropyArgs,
  diceCrossEntropy,
  type SegmentationLoss,
} from './training/segmentation_loss.js';
export {
  confusionMatrix,
  type PixelConfusion,
  type SegmentationScores,
  segmentationScores,
} from './training/segmentation_metrics.js';
export {type ParameterGroup, SGD, type SGDArgs} from './training/sgd.js';
export {train} from './training/train.js';
export type {BatchSource, BatchSplit, BatchTrainOptions} from './training/train_on_batches.js';
export type {TrainOptions} from './training/train_options.js';
export {type SegmentationTrainOptions, trainSegmentation} from './training/train_segmentation.js';
export type {BatchReport, EpochReport, TrainingHistory} from './training/training_history.js';
export type {ScheduleName} from './training/training_plan.js';
export type {FetchOptions} from './weights/fetch_bytes.js';
export {
  type LoadedSwin,
  type SwinFromCheckpointOptions,
  swinFromCheckpoint,
} from './weights/from_checkpoint.js';
export type {CheckpointOrigin, DownloadOptions} from './weights/hub.js';
export type {Layout} from './weights/layouts/index.js';
export type {LoadReport} from './weights/load_report.js';
export {type LoadWeightsOptions, loadWeights} from './weights/load_weights.js';
export type {ChannelAdaptation} from './weights/resizing.js';
export {type SaveWeightsOptions, saveWeights} from './weights/save_weights.js';
