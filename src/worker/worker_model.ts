/** A model in a worker, as the page has it. */
import type * as tf from '@tensorflow/tfjs-core';
import {ConfigError} from '../errors.js';
import type {AttentionMaps, AttentionMapsOptions} from '../inference/attention_maps.js';
import type {ClassifyOptions, Prediction} from '../inference/classify.js';
import type {ModelInfo} from '../model_info.js';
import type {CheckpointOptions} from '../training/checkpoints.js';
import type {EvaluateOptions, Evaluation} from '../training/evaluate.js';
import type {EvaluateSegmentationOptions, SegmentationEvaluation} from '../training/evaluate_segmentation.js';
import type {PredictedMask, PredictSegmentationOptions} from '../training/predict_segmentation.js';
import type {SegmentationHistory} from '../training/segmentation_history.js';
import type {DiceCrossEntropyArgs} from '../training/segmentation_loss.js';
import type {TrainOptions} from '../training/train.js';
import type {SegmentationTrainOptions} from '../training/train_segmentation.js';
import type {TrainingHistory} from '../training/training_history.js';
import type {ScheduleName} from '../training/training_plan.js';
import type {LoadReport} from '../weights/load_report.js';
import type {LoadWeightsOptions} from '../weights/load_weights.js';
import type {SaveWeightsOptions} from '../weights/save_weights.js';
import type {Channel} from './channel.js';
import {
  both,
  sentDataset,
  sentMasks,
  type WorkerDataset,
  type WorkerMasks,
  type WorkerSplit,
} from './datasets.js';
import {HandOver} from './hand_over.js';
import type {ModelDescription, PlainTensor, Trained} from './methods.js';
import {sentPicture, type WorkerPicture} from './pictures.js';
import {absoluteSource} from './places.js';

/** Options of every call that sends arrays or pictures. */
export interface CallingOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Whether arrays, ImageBitmaps and VideoFrames among the arguments are handed over without a copy: they are empty here
   * afterwards. Default false.
   */
  transfer?: boolean;
}

/** In Node a checkpoint may be in a folder, `dir`. */
type WorkerCheckpoint = CheckpointOptions | (Omit<CheckpointOptions, 'store'> & {dir: string});

/** What a page cannot give to a worker, and what takes its place. */
interface InsteadOfFunctions {
  schedule?: ScheduleName;
  checkpoint?: WorkerCheckpoint;
  transfer?: boolean;
}

/** The options of `train`, but for an optimizer or a schedule of one's own, which are functions of tfjs. */
export type WorkerTrainOptions = Omit<TrainOptions, 'optimizer' | keyof InsteadOfFunctions> &
  InsteadOfFunctions;

/** The options of `trainSegmentation`, with the arguments of `diceCrossEntropy` for its loss. */
export type WorkerSegmentationTrainOptions = Omit<
  SegmentationTrainOptions,
  'optimizer' | 'loss' | keyof InsteadOfFunctions
> &
  InsteadOfFunctions & {loss?: DiceCrossEntropyArgs};

export class WorkerModel {
  private description: ModelDescription;

  /** Made by a ComputeWorker. */
  constructor(
    private readonly channel: Channel,
    description: ModelDescription,
  ) {
    this.description = description;
  }

  get name(): string {
    return this.description.name;
  }

  /** Shape of the first input, null for a size that is open; the batch is the first one. */
  get inputShape(): readonly (number | null)[] {
    return this.description.inputShapes[0]!;
  }

  /** Shape of the first output. */
  get outputShape(): readonly (number | null)[] {
    return this.description.outputShapes[0]!;
  }

  /** Numbers of all weights. */
  get parameters(): number {
    return this.description.parameters;
  }

  /** Names of the classes, where the model knows them: after a training it does. */
  get classNames(): readonly string[] | undefined {
    return this.description.classNames;
  }

  /**
   * The most probable classes of one picture, or of several; see `classify`. It comes in between the steps of a training.
   *
   * @throws as `classify`; the signal's reason.
   */
  async classify(image: WorkerPicture, options?: ClassifyOptions & CallingOptions): Promise<Prediction[]>;
  async classify(
    images: readonly WorkerPicture[],
    options?: ClassifyOptions & CallingOptions,
  ): Promise<Prediction[][]>;
  async classify(
    images: WorkerPicture | readonly WorkerPicture[],
    {signal, transfer = false, ...options}: ClassifyOptions & CallingOptions = {},
  ): Promise<Prediction[] | Prediction[][]> {
    const over = new HandOver(transfer);
    const sent = Array.isArray(images)
      ? await Promise.all((images as WorkerPicture[]).map((one) => sentPicture('classify', one, over)))
      : await sentPicture('classify', images as WorkerPicture, over);
    return this.call('classify', [sent, options], {signal, over});
  }

  /** The class of each pixel of a picture; see `predictSegmentation`. It comes in between the steps of a training. */
  async predictSegmentation(
    image: WorkerPicture,
    {signal, transfer = false, ...options}: PredictSegmentationOptions & CallingOptions = {},
  ): Promise<PredictedMask> {
    const over = new HandOver(transfer);
    const sent = await sentPicture('predictSegmentation', image, over);
    return this.call('predictSegmentation', [sent, options], {signal, over});
  }

  /** What the model's attention looks at in a picture; see `attentionMaps`. It comes in between the steps of a training. */
  async attentionMaps(
    image: WorkerPicture,
    {signal, transfer = false, ...options}: AttentionMapsOptions & CallingOptions = {},
  ): Promise<AttentionMaps> {
    const over = new HandOver(transfer);
    const sent = await sentPicture('attentionMaps', image, over);
    return this.call('attentionMaps', [sent, options], {signal, over});
  }

  /** What the model returns for a tensor, in inference mode; lists where it has several inputs or outputs. */
  async predict(input: PlainTensor, options?: CallingOptions): Promise<PlainTensor>;
  async predict(
    inputs: readonly PlainTensor[],
    options?: CallingOptions,
  ): Promise<PlainTensor | PlainTensor[]>;
  async predict(
    inputs: PlainTensor | readonly PlainTensor[],
    {signal, transfer = false}: CallingOptions = {},
  ): Promise<PlainTensor | PlainTensor[]> {
    const over = new HandOver(transfer);
    const sent = ({data, shape}: PlainTensor) => ({data: over.array(data), shape: [...shape]});
    const given = Array.isArray(inputs) ? inputs.map(sent) : sent(inputs as PlainTensor);
    return this.call('predict', [given], {signal, over});
  }

  /**
   * Trains a classifier; see `train`. What `onBatch`, `onEpoch` and the like are told comes as it does there; the training
   * does not wait for `onBatch`. The signal ends it as there: the promise resolves with what there is.
   *
   * @param data Data sets as for `train`, asked image by image, or packed ones, which go over as a whole.
   */
  async train(
    data: WorkerSplit<WorkerDataset>,
    {signal, transfer = false, ...options}: WorkerTrainOptions = {},
  ): Promise<TrainingHistory> {
    const over = new HandOver(transfer);
    const sent = both(data, (dataset) => sentDataset('train', dataset, over));
    return this.trained('train', [sent, sentTraining('train', options)], {signal, over});
  }

  /** Trains a segmentation network; see `trainSegmentation`, and `train` for what is different in a worker. */
  async trainSegmentation(
    data: WorkerSplit<WorkerMasks>,
    {signal, transfer = false, ...options}: WorkerSegmentationTrainOptions = {},
  ): Promise<SegmentationHistory> {
    const over = new HandOver(transfer);
    const sent = both(data, (dataset) => sentMasks(dataset, over));
    const args = [sent, sentTraining('trainSegmentation', options)];
    return this.trained('trainSegmentation', args, {signal, over});
  }

  /** How well a classifier does on labelled images; see `evaluate`. */
  async evaluate(
    dataset: WorkerDataset,
    {signal, transfer = false, ...options}: EvaluateOptions & CallingOptions = {},
  ): Promise<Evaluation> {
    const over = new HandOver(transfer);
    return this.call('evaluate', [sentDataset('evaluate', dataset, over), options], {signal, over});
  }

  /** How well a segmentation network does on images with masks; see `evaluateSegmentation`. */
  async evaluateSegmentation(
    dataset: WorkerMasks,
    {signal, transfer = false, ...options}: EvaluateSegmentationOptions & CallingOptions = {},
  ): Promise<SegmentationEvaluation> {
    const over = new HandOver(transfer);
    return this.call('evaluateSegmentation', [sentMasks(dataset, over), options], {signal, over});
  }

  /** Puts the weights of a checkpoint into the model; see `loadWeights`. A relative URL is relative to the page. */
  async loadWeights(
    source: string | Uint8Array | URL,
    {signal, transfer = false, ...options}: LoadWeightsOptions & CallingOptions = {},
  ): Promise<LoadReport> {
    const over = new HandOver(transfer);
    const sent = source instanceof Uint8Array ? over.array(source) : absoluteSource(source);
    return this.call('loadWeights', [sent, options], {signal, over});
  }

  /** The weights as the bytes of a safetensors file; see `saveWeights`. */
  async saveWeights({
    signal,
    ...options
  }: SaveWeightsOptions & {signal?: AbortSignal} = {}): Promise<Uint8Array> {
    return this.call('saveWeights', [options], {signal});
  }

  /**
   * The whole model: its topology and its weights, as tfjs's save handlers get them; `worker.loadModel` and
   * `tf.loadLayersModel(tf.io.fromMemory(parts))` make a model of them again.
   *
   * @param place Where tfjs saves it instead, from within the worker: 'indexeddb://name', or a URL to upload to.
   */
  async save(): Promise<tf.io.ModelArtifacts>;
  async save(place: string): Promise<null>;
  async save(place: string | null = null): Promise<tf.io.ModelArtifacts | null> {
    return this.call('save', [place], {});
  }

  /** What the model costs, layer by layer; see `modelInfo`. */
  async info(options: {inputShape?: number[]} = {}): Promise<ModelInfo> {
    return this.call('info', [options], {});
  }

  /** Frees the model in the worker, once the calls before this one are done. */
  async dispose(): Promise<void> {
    return this.call('dispose', [], {});
  }

  /** A training, and what it has told the model of its classes. */
  private async trained<History>(
    ...call: [method: string, args: unknown[], options: {signal?: AbortSignal; over: HandOver}]
  ): Promise<History> {
    const {history, model} = await this.call<Trained<History>>(...call);
    this.description = model;
    return history;
  }

  private call<T>(
    method: string,
    args: unknown[],
    {signal, over}: {signal?: AbortSignal; over?: HandOver},
  ): Promise<T> {
    const transfer = over && [...over.transfer];
    const atOnce = !CHANGING.includes(method);
    return this.channel.call<T>(method, method, [this.description.id, ...args], {signal, atOnce, transfer});
  }
}

/** Methods that leave the model as they found it, or as they say, where a signal ends them: their end is waited for. */
const CHANGING: readonly string[] = ['train', 'trainSegmentation', 'loadWeights'];

/** What stands in the place of options that are made of functions, by their names. */
const INSTEAD = {
  optimizer: "leave it out for AdamW, or use recipe 'small-images' for Muon",
  schedule: "name one: 'cosine', 'triangular' or 'plateau'",
  loss: 'give the arguments of diceCrossEntropy',
} as const;

/**
 * The options of a training as they are sent: of a store only its functions, whatever class it is of.
 *
 * @throws ConfigError, in the name of `who`, for an option that tfjs would have to call during the steps.
 */
function sentTraining<Options extends {checkpoint?: WorkerCheckpoint}>(
  who: string,
  options: Options,
): object {
  for (const [name, fix] of Object.entries(INSTEAD)) {
    const value = (options as Record<string, unknown>)[name];
    if (typeof value !== 'function' && (name !== 'optimizer' || value === undefined)) continue;
    throw new ConfigError(
      `${who}: ${name} must not be a function or an object of one in a worker; got one (${fix}).`,
    );
  }
  const {checkpoint, ...rest} = options;
  if (checkpoint === undefined || !('store' in checkpoint)) return options;
  const {store} = checkpoint;
  const functions = {
    name: store.name,
    list: () => store.list(),
    read: (name: string) => store.read(name),
    write: (name: string, bytes: Uint8Array) => store.write(name, bytes),
    remove: (name: string) => store.remove(name),
  };
  return {...rest, checkpoint: {...checkpoint, store: functions}};
}
