/**
 * A model as a `NeuralNetwork` of tfjs-image-recognition-base 0.6.2, for programs that are built on that package.
 *
 * The package keeps the weights of a network as a tree of tensors which it makes, replaces and disposes. Here the leaves
 * are the variables of the model: what sets weights writes into them, so that the model and the network are always the
 * same, and the model goes on to train, save and load as any other.
 *
 * Source: tfjs-image-recognition-base 0.6.2, NeuralNetwork.ts and dom/NetInput.ts.
 */

import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkModel} from '../../architectures/check_model.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {type ImageInput, rgbImage} from '../data/image_input.js';
import {imageList, type NetInputLike} from '../data/image_list.js';
import {type PreprocessConfig, preparation} from '../data/preprocess.js';
import {ConfigError} from '../errors.js';
import {classifierMetadata} from '../inference/classifier_metadata.js';
import {type ClassifyOptions, classify, configFor, type Prediction} from '../inference/classify.js';
import {
  checkBase,
  type ImageRecognitionBase,
  type NetParam,
  type NeuralNetworkParts,
} from './base_package.js';
import {netInput} from './net_input.js';
import {NetParams, type ParamMapping, type ParamTree, setTrainable, trainableTensors} from './net_params.js';
import {checkChainedOperations, checkOneCore} from './one_core.js';

/** What the package takes for one picture, or for several: its TNetInput. */
export type NetPictures<Base extends ImageRecognitionBase> = Parameters<Base['toNetInput']>[0];

export interface SwinNetOptions {
  /** Begin of the names of its files, `<name>-weights_manifest.json`, where an address names a folder; default 'swin_model'. */
  name?: string;
}

const OPTIONS = {name: true} as const satisfies ArgumentNames<SwinNetOptions>;

/** What differs from the package's NeuralNetwork, or is more. */
export interface SwinNetParts<Base extends ImageRecognitionBase> {
  /** The model that computes; its weights are this network's. */
  readonly model: tfl.LayersModel;

  /**
   * The model's output for one picture or several, each prepared as `classify` does it.
   *
   * @param input A NetInput, canvas, image, video, tensor of bytes [H, W, 3], or an array of them.
   * @param options How pictures are prepared; default what the model says of itself.
   * @returns [B, ...], for a classifier [B, K]; the caller disposes it.
   * @throws ConfigError for an unusable option or a network that is disposed; DataError or ShapeError for what is no picture.
   */
  forward(input: NetPictures<Base>, options?: PreprocessConfig): Promise<tf.Tensor>;

  /**
   * The most probable classes; see `classify` of tfjs-swint.
   *
   * @param input As for `forward`.
   * @returns The classes of one picture; for an array, or a NetInput made of one, a list of them for each picture.
   * @throws As `classify` and `forward`.
   */
  classify<Input extends NetPictures<Base>>(
    input: Input,
    options?: ClassifyOptions,
  ): Promise<PredictionsOf<Input>>;

  /**
   * All weights, one after the other in the order of `getParamList()`. A promise, unlike the package's own: webgpu has no
   * other way to read. `load(await net.serializeParams())` sets them again.
   */
  serializeParams(): Promise<Float32Array>;

  /** The weights that training changes: those of layers that are trainable. */
  getTrainableParams(): NetParam[];

  /** The others: of frozen layers, and statistics such as those of batch normalization. */
  getFrozenParams(): NetParam[];

  /** Makes every layer trainable. */
  variable(): void;

  /** Makes no layer trainable. The weights stay the variables that they are. */
  freeze(): void;

  /**
   * Writes the values of a tensor into a weight, and disposes the tensor.
   *
   * @throws CheckpointError for an unknown path, or a tensor of another shape or dtype.
   */
  reassignParamFromPath(path: string, tensor: tf.Tensor): void;

  /**
   * Disposes the model. A disposed network cannot be loaded again.
   *
   * @param throwOnRedispose Whether it is an error if the network or its model is disposed already; default true.
   * @throws ConfigError where that is so.
   */
  dispose(throwOnRedispose?: boolean): void;
}

/** Lists of classes for what is an array; either for a NetInput, which may hold one picture or several. */
type PredictionsOf<Input> = Input extends readonly unknown[]
  ? Prediction[][]
  : Input extends NetInputLike
    ? Prediction[] | Prediction[][]
    : Prediction[];

/** A NeuralNetwork of the package. What differs comes first, so that its types are those that count. */
export type SwinNet<Base extends ImageRecognitionBase> = SwinNetParts<Base> &
  InstanceType<Base['NeuralNetwork']>;

type SwinNetClass<Base extends ImageRecognitionBase> = new (
  model: tfl.LayersModel,
  name: string,
) => SwinNet<Base>;

const classes = new WeakMap<ImageRecognitionBase['NeuralNetwork'], unknown>();

/**
 * A network for tfjs-image-recognition-base: an instance of its NeuralNetwork that computes with a model of tfjs.
 *
 *     import '@tensorflow/tfjs';
 *     import * as base from 'tfjs-image-recognition-base';
 *     const net = swinNet(base, swinTiny());
 *     await net.load('/models'); // swin_model-weights_manifest.json there
 *     const [best] = await net.classify(document.querySelector('img'));
 *
 * What sets weights (`load`, `loadFromUri`, `loadFromDisk`, `loadFromWeightMap`, `extractWeights`) sets all of them or none,
 * and `loadFromWeightMap` takes the tensors over: it disposes them, but no variables.
 *
 * @param base The module of the package, `import * as base from 'tfjs-image-recognition-base'`.
 * @param model A model with one input, RGB images, and one output. The network uses it and does not copy it.
 * @param options See {@link SwinNetOptions}.
 * @throws ConfigError for what is no such module, model or option; BackendError where the package has a tfjs-core of its
 *   own, or `@tensorflow/tfjs` is not imported.
 */
export function swinNet<Base extends ImageRecognitionBase>(
  base: Base,
  model: tfl.LayersModel,
  options: SwinNetOptions = {},
): SwinNet<Base> {
  const who = 'swinNet';
  checkBase(who, base);
  checkOneCore(who);
  checkChainedOperations(who);
  checkModel(who, model);
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new ConfigError(
      `${who}: the model must have one input and one output; got ${model.inputs.length} and ${model.outputs.length}.`,
    );
  }
  checkArguments(who, options, OPTIONS);
  const {name = 'swin_model'} = options;
  if (typeof name !== 'string' || name === '') {
    throw new ConfigError(`${who}: name must be a text that is not empty; got ${String(name) || "''"}.`);
  }
  const known = classes.get(base.NeuralNetwork) as SwinNetClass<Base> | undefined;
  const SwinNet = known ?? makeClass(base);
  classes.set(base.NeuralNetwork, SwinNet);
  return new SwinNet(model, name);
}

/** The class of networks for a module of the package. */
function makeClass<Base extends ImageRecognitionBase>(base: Base): SwinNetClass<Base> {
  class SwinNet extends base.NeuralNetwork {
    // The package's own fields. Declared, so that they are not defined anew.
    declare _params: ParamTree | undefined;
    declare _paramMappings: ParamMapping[];
    readonly model: tfl.LayersModel;
    readonly #weights: NetParams;
    readonly #fileName: string;

    constructor(model: tfl.LayersModel, name: string) {
      super('SwinNet');
      this.model = model;
      this.#fileName = name;
      this.#weights = new NetParams('swinNet', model);
      this._params = this.#weights.tree;
      this._paramMappings = this.#weights.mappings;
    }

    async forward(input: unknown, options: PreprocessConfig = {}): Promise<tf.Tensor> {
      const who = 'SwinNet.forward';
      this.#checkLoaded(who);
      return forwardPictures(who, this.model, await netInput(who, base, input), options);
    }

    async classify(input: unknown, options: ClassifyOptions = {}): Promise<Prediction[] | Prediction[][]> {
      this.#checkLoaded('SwinNet.classify');
      const pictures = await netInput('SwinNet.classify', base, input);
      return classify(this.model, pictures, options);
    }

    serializeParams(): Promise<Float32Array> {
      this.#checkLoaded('SwinNet.serializeParams');
      return this.#weights.serialize();
    }

    getTrainableParams(): NetParam[] {
      const trainable = trainableTensors(this.model);
      return paramsOf(this).filter(({tensor}) => trainable.has(tensor));
    }

    getFrozenParams(): NetParam[] {
      const trainable = trainableTensors(this.model);
      return paramsOf(this).filter(({tensor}) => !trainable.has(tensor));
    }

    variable(): void {
      this.#checkLoaded('SwinNet.variable');
      setTrainable(this.model, true);
    }

    freeze(): void {
      this.#checkLoaded('SwinNet.freeze');
      setTrainable(this.model, false);
    }

    reassignParamFromPath(path: string, tensor: tf.Tensor): void {
      const who = 'SwinNet.reassignParamFromPath';
      this.#checkLoaded(who);
      this.#weights.writeTensor(who, path, tensor);
      release([tensor]);
    }

    dispose(throwOnRedispose = true): void {
      const disposed = this._params === undefined || this.#weights.disposed;
      this._params = undefined;
      if (!disposed) this.model.dispose();
      else if (throwOnRedispose) throw new ConfigError('SwinNet.dispose: it is disposed already.');
    }

    protected getDefaultModelName(): string {
      return this.#fileName;
    }

    /** Called by the package's `extractWeights`, and so by `load` of an array. */
    protected extractParams(values: Float32Array): {params: ParamTree; paramMappings: ParamMapping[]} {
      this.#checkLoaded('SwinNet.extractWeights');
      this.#weights.writeValues('SwinNet.extractWeights', values);
      return {params: this.#weights.tree, paramMappings: this.#weights.mappings};
    }

    /** Called by the package's `loadFromWeightMap`, and so by `load`, `loadFromUri` and `loadFromDisk`. The name is its spelling. */
    protected extractParamsFromWeigthMap(tensors: tf.NamedTensorMap) {
      try {
        this.#checkLoaded('SwinNet.loadFromWeightMap');
        this.#weights.writeTensors('SwinNet.loadFromWeightMap', tensors);
      } finally {
        release(Object.values(tensors));
      }
      return {params: this.#weights.tree, paramMappings: this.#weights.mappings};
    }

    #checkLoaded(who: string): void {
      if (this._params !== undefined && !this.#weights.disposed) return;
      throw new ConfigError(`${who}: the network and its model must not be disposed; got a disposed one.`);
    }
  }
  return SwinNet as unknown as SwinNetClass<Base>;
}

const paramsOf = (net: object): NetParam[] => (net as NeuralNetworkParts).getParamList();

/** Disposes tensors that were handed over. Variables belong to someone, who goes on to use them. */
function release(tensors: readonly tf.Tensor[]): void {
  tf.dispose(tensors.filter((tensor) => !(tensor instanceof tf.Variable)));
}

/** The model's output for the pictures of a NetInput, which go through it as one batch. */
async function forwardPictures(
  who: string,
  model: tfl.LayersModel,
  input: NetInputLike,
  options: PreprocessConfig,
): Promise<tf.Tensor> {
  const config = configFor(who, model, classifierMetadata(model), options);
  const {shape, write} = preparation(who, config);
  const volume = shape[0] * shape[1] * shape[2];
  const {images} = await imageList<ImageInput>(who, input);
  const values = new Float32Array(images.length * volume);
  for (const [i, image] of images.entries()) {
    write(await rgbImage(`${who}(picture ${i})`, image), values, i * volume);
  }
  return tf.tidy(() => model.predict(tf.tensor4d(values, [images.length, ...shape])) as tf.Tensor);
}
