/** In the worker: the functions of this library that a page can call, each of which Node has a version of its own of. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError} from '../errors.js';
import {attentionMaps} from '../inference/attention_maps.js';
import {classify} from '../inference/classify.js';
import {pretrained} from '../pretrained.js';
import {predictSegmentation} from '../training/predict_segmentation.js';
import {train} from '../training/train.js';
import {trainSegmentation} from '../training/train_segmentation.js';
import type {FetchOptions} from '../weights/fetch_bytes.js';
import {besideModelJson, cannotBeBuilt, fetchModel} from '../weights/fetch_model.js';
import {swinFromCheckpoint} from '../weights/from_checkpoint.js';
import {loadWeights} from '../weights/load_weights.js';
import {checkTopology} from '../weights/topology.js';

/** What differs between a browser and Node. */
export interface Library {
  pretrained: typeof pretrained;
  loadWeights: typeof loadWeights;
  swinFromCheckpoint: typeof swinFromCheckpoint;
  attentionMaps: typeof attentionMaps;
  classify: typeof classify;
  predictSegmentation: typeof predictSegmentation;
  train: typeof train;
  trainSegmentation: typeof trainSegmentation;
  /** A model that has a URL, or in Node a folder. */
  loadModel(who: string, place: string, options: FetchOptions): Promise<tfl.LayersModel>;
  /** Where tfjs's wasm backend finds its files. */
  setWasmPaths(path: string): void;
}

export const browserLibrary: Omit<Library, 'setWasmPaths'> = {
  ...{pretrained, loadWeights, swinFromCheckpoint, attentionMaps, classify},
  ...{predictSegmentation, train, trainSegmentation},
  async loadModel(who, place, options) {
    // Other schemes, such as indexeddb://, are tfjs's own places to save to.
    if (/^(https?|blob|data|file):/i.test(place)) {
      return fetchModel(who, besideModelJson(new URL(place)), options);
    }
    return tfl.loadLayersModel(place).catch((error: unknown) => {
      throw new CheckpointError(
        `${who}: the model must be at a URL or a place of tfjs's; got ${place}: ${(error as Error).message}.`,
        {cause: error},
      );
    });
  },
};

/**
 * A model of its parts, as `model.save` gives them; without weights one with new ones.
 *
 * @throws CheckpointError where the parts are no model's.
 */
export async function modelOfParts(who: string, parts: tf.io.ModelArtifacts): Promise<tfl.LayersModel> {
  checkTopology(who, parts.modelTopology);
  const {modelTopology, weightData} = parts;
  try {
    if (weightData !== undefined) return await tfl.loadLayersModel(tf.io.fromMemory(parts));
    return await tfl.models.modelFromJSON(modelTopology as Parameters<typeof tfl.models.modelFromJSON>[0]);
  } catch (error) {
    throw cannotBeBuilt(who, error);
  }
}
