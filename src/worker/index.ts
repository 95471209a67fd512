/** Computing off the main thread: a worker of a browser, or a worker thread of Node, that has the models. */
export * from '../errors.js';
export type {PackedImages, PackedMasks, WorkerDataset, WorkerMasks, WorkerSplit} from './datasets.js';
export type {PlainTensor} from './methods.js';
export type {NetworkArgs, NetworkName} from './networks.js';
export {
  type ComputeWorker,
  type OpenWorkerOptions,
  openWorker,
  type WorkerLoadedSwin,
} from './open_worker.js';
export type {WorkerPicture} from './pictures.js';
export type {
  CallingOptions,
  WorkerModel,
  WorkerSegmentationTrainOptions,
  WorkerTrainOptions,
} from './worker_model.js';
