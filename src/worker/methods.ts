/** In the worker: the methods that a page can call, by name. Models stay here; the page has their numbers. */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf} from '../../kernels/common/arguments.js';
import {type BackendReport, backendReport} from '../backends/backend_report.js';
import {type BackendName, type SetupBackendOptions, setupBackend} from '../backends/setup_backend.js';
import type {ImageInput} from '../data/image_input.js';
import {imagenetLabels} from '../data/imagenet_labels.js';
import {ConfigError} from '../errors.js';
import {classifierMetadata} from '../inference/classifier_metadata.js';
import {modelInfo} from '../model_info.js';
import {evaluate} from '../training/evaluate.js';
import {evaluateSegmentation} from '../training/evaluate_segmentation.js';
import {diceCrossEntropy} from '../training/segmentation_loss.js';
import {saveWeights} from '../weights/save_weights.js';
import {
  both,
  receivedDataset,
  receivedMasks,
  type SentDataset,
  type SentMasks,
  type WorkerSplit,
} from './datasets.js';
import {type Library, modelOfParts} from './library.js';
import {NETWORKS, type NetworkName} from './networks.js';
import type {SentPicture} from './pictures.js';
import {receivedPicture} from './received_picture.js';
import type {Method, MethodKind} from './serve.js';

/** A tensor as it is sent. */
export interface PlainTensor {
  /** As many values as the shape says, row by row. */
  data: Float32Array | Int32Array | Uint8Array;
  shape: number[];
}

/** What a page knows of a model in its worker. */
export interface ModelDescription {
  id: number;
  name: string;
  /** Shapes of inputs and outputs; null for a size that is open. */
  inputShapes: (number | null)[][];
  outputShapes: (number | null)[][];
  parameters: number;
  /** Names of the classes, where the model knows them. */
  classNames?: readonly string[];
}

/** What a training gives back. */
export interface Trained<History> {
  history: History;
  model: ModelDescription;
}

// biome-ignore lint/suspicious/noExplicitAny: the page's classes type what they send.
type Options = any;

type Methods = Readonly<Record<string, Method>>;

/** All methods, on the models of one worker. */
export function methodsOf(library: Library): Methods {
  const models = new Map<number, tfl.LayersModel>();
  let last = 0;

  const added = (model: tfl.LayersModel): ModelDescription => {
    models.set(++last, model);
    return described(last, model);
  };
  const modelOf = (id: number): tfl.LayersModel => {
    const model = models.get(id);
    if (model) return model;
    throw new ConfigError(
      'a model in a worker must not have been disposed; this one was (build or load it again).',
    );
  };
  return {
    ...settingUp(library),
    ...making(library, added),
    ...asking(library, modelOf),
    ...training(library, modelOf),
    dispose: alone(async (_, id: number) => {
      modelOf(id).dispose();
      models.delete(id);
    }),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: as in Method.
type Run = (signal: AbortSignal, ...args: any[]) => Promise<unknown>;

const method =
  (kind: MethodKind) =>
  (run: Run): Method => ({kind, run});
const alone = method('alone');
const question = method('question');
const longTraining = method('training');

/**
 * ImageNet's names for a classifier of 1000 classes that knows none, as `classify` gives them. They are imported at once here:
 * Vite makes one file of a worker, which can load nothing later.
 */
function described(id: number, model: tfl.LayersModel): ModelDescription {
  const output = model.outputs[0]!.shape;
  const usual = output.length === 2 && output[1] === 1000 ? imagenetLabels : undefined;
  const {classNames = usual} = classifierMetadata(model);
  return {
    ...{id, name: model.name},
    inputShapes: model.inputs.map(({shape}) => shape),
    outputShapes: model.outputs.map(({shape}) => shape),
    parameters: model.countParams(),
    ...(classNames && {classNames: [...classNames]}),
  };
}

/** What `openWorker` sends. */
export interface Setup extends SetupBackendOptions {
  backend?: BackendName;
  wasmPaths?: string;
}

function settingUp({setWasmPaths}: Library): Methods {
  return {
    setup: alone(async (_, {backend, wasmPaths, ...options}: Setup): Promise<BackendReport> => {
      if (wasmPaths !== undefined) setWasmPaths(wasmPaths);
      await setupBackend(backend, options);
      return backendReport();
    }),
    memory: question(async () => {
      const {numTensors: tensors, numBytes: bytes} = tf.memory();
      return {tensors, bytes};
    }),
  };
}

function making(library: Library, added: (model: tfl.LayersModel) => ModelDescription): Methods {
  return {
    build: alone(async (_, name: NetworkName, args: object) => {
      oneOf('build', 'the network', name, Object.keys(NETWORKS) as NetworkName[]);
      return added((NETWORKS[name] as (args: object) => tfl.LayersModel)(args));
    }),
    pretrained: alone(async (signal, name, options: Options) =>
      added(await library.pretrained(name, {...options, signal})),
    ),
    loadModel: alone(async (signal, source: string | tf.io.ModelArtifacts, options: Options) => {
      const who = 'loadModel';
      return added(
        typeof source === 'string'
          ? await library.loadModel(who, source, {...options, signal})
          : await modelOfParts(who, source),
      );
    }),
    swinFromCheckpoint: alone(async (signal, source: string | Uint8Array, options: Options) => {
      const {model, ...rest} = await library.swinFromCheckpoint(source, {...options, signal});
      return {...rest, model: added(model)};
    }),
  };
}

/** Pictures as they were sent, for as long as `use` has them. */
async function withPictures<Picture, T>(
  who: string,
  sent: SentPicture | SentPicture[],
  use: (pictures: Picture | Picture[]) => Promise<T>,
): Promise<T> {
  const free: (() => void)[] = [];
  const receive = async (one: SentPicture) => {
    const received = await receivedPicture<Picture>(who, one);
    free.push(received.free);
    return received.picture;
  };
  try {
    if (!Array.isArray(sent)) return await use(await receive(sent));
    const pictures: Picture[] = [];
    for (const one of sent) pictures.push(await receive(one));
    return await use(pictures);
  } finally {
    for (const one of free) one();
  }
}

function asking(library: Library, modelOf: (id: number) => tfl.LayersModel): Methods {
  return {
    classify: question((_, id: number, pictures: SentPicture | SentPicture[], options: Options) =>
      withPictures<ImageInput, unknown>('classify', pictures, (images) =>
        library.classify(modelOf(id), images as ImageInput[], options),
      ),
    ),
    predictSegmentation: question((_, id: number, picture: SentPicture, options: Options) =>
      withPictures<ImageInput, unknown>('predictSegmentation', picture, (image) =>
        library.predictSegmentation(modelOf(id), image as ImageInput, options),
      ),
    ),
    attentionMaps: question((_, id: number, picture: SentPicture, options: Options) =>
      withPictures<ImageInput, unknown>('attentionMaps', picture, (image) =>
        library.attentionMaps(modelOf(id), image as ImageInput, options),
      ),
    ),
    predict: question((_, id: number, inputs: PlainTensor | PlainTensor[]) => predict(modelOf(id), inputs)),
    evaluate: question((signal, id: number, dataset: SentDataset, options: Options) =>
      evaluate(modelOf(id), receivedDataset(dataset), {...options, signal}),
    ),
    evaluateSegmentation: question((signal, id: number, masks: SentMasks, options: Options) =>
      evaluateSegmentation(modelOf(id), receivedMasks(masks), {...options, signal}),
    ),
    info: question(async (_, id: number, options: Options) => modelInfo(modelOf(id), options)),
    save: question((_, id: number, place: string | null) => save(modelOf(id), place)),
    saveWeights: question((_, id: number, options: Options) => saveWeights(modelOf(id), options)),
  };
}

function training(library: Library, modelOf: (id: number) => tfl.LayersModel): Methods {
  return {
    loadWeights: alone((signal, id: number, source: string | Uint8Array, options: Options) =>
      library.loadWeights(modelOf(id), source, {...options, signal}),
    ),
    train: longTraining(async (signal, id: number, data: WorkerSplit<SentDataset>, options: Options) => {
      const model = modelOf(id);
      const history = await library.train(model, both(data, receivedDataset), {...options, signal});
      return {history, model: described(id, model)};
    }),
    trainSegmentation: longTraining(
      async (signal, id: number, data: WorkerSplit<SentMasks>, {loss, ...options}: Options) => {
        const model = modelOf(id);
        const chosen = {...options, ...(loss && {loss: diceCrossEntropy(loss)}), signal};
        const history = await library.trainSegmentation(model, both(data, receivedMasks), chosen);
        return {history, model: described(id, model)};
      },
    ),
  };
}

/** What the model returns, in inference mode; values of their own, which can be handed over. */
async function predict(
  model: tfl.LayersModel,
  inputs: PlainTensor | PlainTensor[],
): Promise<PlainTensor | PlainTensor[]> {
  const results = tf.tidy(() => {
    const given = [inputs].flat().map(({data, shape}) => tf.tensor(data, shape));
    return [model.apply(given.length === 1 ? given[0]! : given, {training: false})].flat() as tf.Tensor[];
  });
  try {
    const plain: PlainTensor[] = [];
    for (const result of results) {
      plain.push({data: (await result.data()).slice() as Float32Array, shape: result.shape});
    }
    return plain.length === 1 ? plain[0]! : plain;
  } finally {
    tf.dispose(results);
  }
}

/** @returns the model's parts, or null where tfjs saved it at a place. */
async function save(model: tfl.LayersModel, place: string | null): Promise<tf.io.ModelArtifacts | null> {
  if (place !== null) {
    await model.save(place);
    return null;
  }
  let parts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      parts = {...saved, weightData: tf.io.CompositeArrayBuffer.join(saved.weightData)};
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
  );
  return parts!;
}
