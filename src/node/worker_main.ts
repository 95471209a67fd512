/**
 * The script of a worker thread in Node; importing it makes the thread answer the one that opened it. Beside what a browser's
 * can do it reads models, weights and images by their paths, and writes checkpoints into folders.
 */
import {parentPort, type TransferListItem} from 'node:worker_threads';
import {defined} from '../../kernels/common/defined.js';
import {ConfigError} from '../errors.js';
import {browserLibrary, type Library} from '../worker/library.js';
import {methodsOf} from '../worker/methods.js';
import {serve} from '../worker/serve.js';
import {attentionMaps} from './attention_maps.js';
import {train, trainSegmentation} from './checkpoint_training.js';
import {classify} from './classify.js';
import {loadModel} from './load_model.js';
import {predictSegmentation} from './predict_segmentation.js';
import {pretrained} from './pretrained.js';
import {loadWeights, swinFromCheckpoint} from './weight_files.js';

const port = parentPort;
if (!port) {
  throw new ConfigError(
    'tfjs-swint/worker/main: it must be imported in a worker thread; got the main one (import openWorker of tfjs-swint/worker).',
  );
}

const nodeLibrary: Library = {
  ...{loadWeights, swinFromCheckpoint},
  // Their options are those of a browser's and more.
  ...({attentionMaps, classify, predictSegmentation, train, trainSegmentation} as unknown as Library),
  pretrained: (name, {baseUrl} = {}) => pretrained(name, defined({baseUrl})),
  loadModel: (who, place, options) =>
    /^[a-z][a-z0-9+.-]+:\/\//i.test(place) ? browserLibrary.loadModel(who, place, options) : loadModel(place),
  setWasmPaths() {
    throw new ConfigError('openWorker: wasmPaths must be left out in Node, where tfjs finds its own files.');
  },
};

serve(
  {
    post: (message, transfer) => port.postMessage(message, transfer as unknown as TransferListItem[]),
    listen: (onMessage) => port.on('message', onMessage),
  },
  methodsOf(nodeLibrary),
);
