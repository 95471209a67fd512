/**
 * A worker that computes: models live in it, and the page only asks.
 *
 *     const worker = await openWorker();
 *     const model = await worker.pretrained('swin-resnet-cifar10');
 *     const [best] = await model.classify(document.querySelector('img'));
 *     await worker.terminate();
 *
 * The page's side needs no tfjs. A call sends its arguments by structured clone; functions among them stay on the page and
 * are called there.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {ABOVE_ZERO, checkNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import type {BackendReport} from '../backends/backend_report.js';
import type {BackendName, SetupBackendOptions} from '../backends/setup_backend.js';
import {ConfigError} from '../errors.js';
import type {PretrainedOptions} from '../pretrained.js';
import type {PretrainedName} from '../pretrained_models.js';
import type {FetchOptions} from '../weights/fetch_bytes.js';
import type {LoadedSwin, SwinFromCheckpointOptions} from '../weights/from_checkpoint.js';
import {Channel} from './channel.js';
import {HandOver} from './hand_over.js';
import type {ModelDescription} from './methods.js';
import type {NetworkArgs, NetworkName} from './networks.js';
import {absoluteSource} from './places.js';
import {type BrowserWorker, type NodeWorker, notStarted, startThread, threadOf} from './thread.js';
import {type CallingOptions, WorkerModel} from './worker_model.js';

export interface OpenWorkerOptions extends SetupBackendOptions {
  /** What the worker computes on; default the best that its script has: this library's has wasm, and in Node what is installed. */
  backend?: BackendName;
  /** Folder of tfjs's wasm files on the server, as for `setWasmPaths`; relative to the page. Default: beside the script. */
  wasmPaths?: string;
  /** URL of a script that imports tfjs-swint/worker/main, in place of this library's. */
  url?: string | URL;
  /** A worker of such a script that the application has started. It is ended by `terminate` too. */
  worker?: BrowserWorker | NodeWorker;
  /** Seconds in which the script must have come and answer; default 60. */
  timeout?: number;
}

const OPTIONS = {
  ...{threads: true, kernels: true, precision: true},
  ...{backend: true, wasmPaths: true, url: true, worker: true, timeout: true},
} as const satisfies ArgumentNames<OpenWorkerOptions>;

/**
 * Starts a worker, of the browser or in Node a worker thread, and a backend in it.
 *
 * @param options backend, threads, kernels and precision as for `setupBackend`; where the worker's script comes from.
 * @throws ConfigError for an unusable option; BackendError where the worker or the backend does not start: the worker is
 *   ended then.
 */
export async function openWorker(options: OpenWorkerOptions = {}): Promise<ComputeWorker> {
  checkArguments('openWorker', options, OPTIONS);
  const {worker, url, wasmPaths, timeout = 60, ...setup} = options;
  checkNumber('openWorker', 'timeout', timeout, ABOVE_ZERO, {fix: 'in seconds'});
  if (worker !== undefined && url !== undefined) {
    throw new ConfigError('openWorker: worker and url must not both be given; got both (leave one out).');
  }
  const channel = new Channel(worker === undefined ? startThread(url) : threadOf(worker));
  try {
    await answerIn(timeout, channel.ready);
    const paths = wasmPaths === undefined ? {} : {wasmPaths: absoluteSource(wasmPaths)};
    const report = await channel.call<BackendReport>('openWorker', 'setup', [{...setup, ...paths}]);
    return new ComputeWorker(channel, report);
  } catch (error) {
    await channel.terminate();
    throw error;
  }
}

/** Waits for the worker's first word: a script that does not import the worker's part starts and never answers. */
async function answerIn(seconds: number, ready: Promise<unknown>): Promise<void> {
  let clock: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    clock = setTimeout(() => reject(notStarted(`no answer in ${seconds} seconds`)), seconds * 1000);
  });
  try {
    await Promise.race([ready, late]);
  } finally {
    clearTimeout(clock);
  }
}

/** A model that was made from a checkpoint in a worker, and what became of the checkpoint's weights. */
export type WorkerLoadedSwin = Omit<LoadedSwin, 'model'> & {model: WorkerModel};

/** A worker that is open. Its calls run in the order in which they are made; questions come in between steps of a training. */
export class ComputeWorker {
  /** Made by openWorker. */
  constructor(
    private readonly channel: Channel,
    /** What the worker computes on, see `backendReport`. */
    readonly backend: BackendReport,
  ) {}

  /** Builds a network by the name of its function, such as 'swinResNet', with the arguments of that. */
  async build<Name extends NetworkName>(name: Name, args: NetworkArgs<Name>): Promise<WorkerModel> {
    return this.made(this.channel.call('build', 'build', [name, args]));
  }

  /** Loads a trained network; see `pretrained`. */
  async pretrained(name: PretrainedName, {signal, ...options}: PretrainedOptions = {}): Promise<WorkerModel> {
    const {baseUrl} = options;
    const absolute = baseUrl === undefined ? options : {...options, baseUrl: absoluteSource(baseUrl)};
    return this.made(this.channel.call('pretrained', 'pretrained', [name, absolute], {signal}));
  }

  /**
   * Loads a model of tfjs's layers-model format.
   *
   * @param source The URL of its model.json, relative to the page; a place of tfjs's, such as 'indexeddb://name'; in Node
   *   also the path of its folder; or its parts, as `save` gives them, without weights for new ones.
   * @throws CheckpointError where it cannot be fetched, is damaged or names layers that the worker does not have.
   */
  async loadModel(
    source: string | URL | tf.io.ModelArtifacts,
    {signal, transfer = false, ...options}: FetchOptions & CallingOptions = {},
  ): Promise<WorkerModel> {
    const over = new HandOver(transfer);
    const isPlace = typeof source === 'string' || source instanceof URL;
    if (!isPlace && transfer) for (const part of [source.weightData ?? []].flat()) over.made(part);
    const sent = isPlace ? absoluteSource(source) : source;
    const transferred = [...over.transfer];
    return this.made(
      this.channel.call('loadModel', 'loadModel', [sent, options], {signal, transfer: transferred}),
    );
  }

  /** Makes the Swin Transformer that a checkpoint is of; see `swinFromCheckpoint`. */
  async swinFromCheckpoint(
    source: string | Uint8Array | URL,
    {signal, transfer = false, ...options}: SwinFromCheckpointOptions & CallingOptions = {},
  ): Promise<WorkerLoadedSwin> {
    const over = new HandOver(transfer);
    const sent = source instanceof Uint8Array ? over.array(source) : absoluteSource(source);
    const loaded = await this.channel.call<Omit<LoadedSwin, 'model'> & {model: ModelDescription}>(
      'swinFromCheckpoint',
      'swinFromCheckpoint',
      [sent, options],
      {signal, transfer: [...over.transfer]},
    );
    return {...loaded, model: new WorkerModel(this.channel, loaded.model)};
  }

  /** The tensors that tfjs has in the worker, and their bytes. */
  async memory(): Promise<{tensors: number; bytes: number}> {
    return this.channel.call('memory', 'memory', []);
  }

  /** Ends the worker and frees all that is in it. Calls that are pending reject, and so do those to come. */
  async terminate(): Promise<void> {
    return this.channel.terminate();
  }

  private async made(description: Promise<ModelDescription>): Promise<WorkerModel> {
    return new WorkerModel(this.channel, await description);
  }
}
