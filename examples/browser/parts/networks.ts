/** The networks that a page can take: shipped with the package, saved in this browser, or in a file. */
import type {ComputeWorker, WorkerModel} from 'tfjs-swint/worker';
import {percent} from './page.js';

export interface Network {
  /** What the field calls it. */
  name: string;
  /** What a person has to know before using it. */
  about: string;
  /** @param onProgress told how much has come, in words. */
  load(worker: ComputeWorker, onProgress: (words: string) => void): Promise<WorkerModel>;
}

const shipped = (name: Parameters<ComputeWorker['pretrained']>[0], about: string): Network => ({
  name,
  about,
  load: (worker, onProgress) =>
    worker.pretrained(name, {
      onProgress: ({loaded, total}) => onProgress(total ? percent(loaded / total) : `${loaded} bytes`),
    }),
});

/** The networks that come with the package. */
export const CIFAR = shipped(
  'swin-resnet-cifar10',
  'Trained on CIFAR-10: airplanes, automobiles, birds, cats, deer, dogs, frogs, horses, ships, trucks. Pictures are reduced ' +
    'to 32x32, so that only one large object in the middle is seen; of anything else it names one of the ten all the same.',
);
export const MEMBRANES = shipped(
  'swin-unet-membranes',
  "Trained on 20 sections of a fruit fly larva's nerve cord at 4 nm a pixel (ISBI 2012, Cardona et al. 2010): one animal, " +
    'one microscope, one resolution. Other sections need training of their own.',
);

/** Where the train page saves its networks in the browser's storage: tfjs's own place, before a name. */
export const SAVED = 'indexeddb://';

/** The name of tfjs's database, and of the table that lists its models. */
const [DATABASE, TABLE] = ['tensorflowjs', 'model_info_store'];

/** The networks that the train page saved in this browser. */
export async function savedNetworks(): Promise<Network[]> {
  const names = await savedNames();
  return names.map((name) => ({
    name,
    about: 'Trained on the page Train and saved in this browser.',
    load: (worker) => worker.loadModel(`${SAVED}${name}`),
  }));
}

/** The names in tfjs's database. Only the worker has tfjs, whose `listModels` reads the same. */
function savedNames(): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE);
    // No network was saved yet: the database that this would make is not tfjs's.
    opening.onupgradeneeded = () => opening.transaction?.abort();
    opening.onerror = () => resolve([]);
    opening.onsuccess = () => {
      const database = opening.result;
      const keys = database.transaction(TABLE).objectStore(TABLE).getAllKeys();
      keys.onsuccess = () => resolve(keys.result.map(String));
      keys.onerror = () => reject(keys.error);
      database.close(); // Once the reading is done.
    };
  });
}

/** Whether a file that is dropped on a page is a network, or a part of one. */
export const isNetworkFile = ({name}: File): boolean => /\.(safetensors|json|bin)$/.test(name);

/**
 * A network in files that the person gave: a Swin Transformer as safetensors, or a model of tfjs, model.json with the weights.
 *
 * @throws Error for other files.
 */
export function networkOfFiles(files: readonly File[]): Network {
  const checkpoint = files.find(({name}) => name.endsWith('.safetensors'));
  const json = files.find(({name}) => name.endsWith('.json'));
  const weights = files.find(({name}) => name.endsWith('.bin'));
  if (checkpoint) {
    return {
      name: checkpoint.name,
      about:
        'A Swin Transformer of the microsoft, timm, torchvision or huggingface layout, read from the file.',
      load: async (worker) => {
        const bytes = new Uint8Array(await checkpoint.arrayBuffer());
        return (await worker.swinFromCheckpoint(bytes, {transfer: true, imageSize: IMAGE_SIZE})).model;
      },
    };
  }
  if (json && weights) {
    return {
      name: json.name,
      about: 'A model of TensorFlow.js, read from the files.',
      load: async (worker) => {
        const {weightsManifest, ...parts} = JSON.parse(await json.text());
        const weightSpecs = weightsManifest.flatMap((group: {weights: object[]}) => group.weights);
        return worker.loadModel({...parts, weightSpecs, weightData: await weights.arrayBuffer()});
      },
    };
  }
  throw new Error(
    `A network must be one .safetensors file, or model.json and its .bin file together; got ${files
      .map(({name}) => name)
      .join(' and ')}.`,
  );
}

/** Side of the images of a Swin Transformer from a file: most of the published ones; larger windows are made to fit. */
const IMAGE_SIZE = 224;
