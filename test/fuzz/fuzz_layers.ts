/** Runs random cases of layers and says which went wrong, and how to run them again. */

import {wrongWithLayer} from './check_layer.js';
import {Draw} from './draw.js';
import {drawExtreme, wrongWithExtreme} from './extremes.js';
import type {FuzzBackend} from './fuzz_case.js';
import {drawBatchNorm, drawBlock, drawMerging, drawSwinT} from './generators/layers.js';
import type {LayerCase} from './layer_case.js';

const generators: Record<string, (draw: Draw) => LayerCase> = {
  swinT: drawSwinT,
  swinBlock: drawBlock,
  patchMerging: drawMerging,
  batchNormalization: drawBatchNorm,
  extremes: drawExtreme,
};

/** What is fuzzed: the layers, and all of them on extreme inputs. */
export const layerNames = Object.keys(generators);

/** One case among those of a layer. */
export interface LayerCaseName {
  backend: FuzzBackend;
  layer: string;
  seed: number;
  index: number;
}

/** The command that runs one case again. */
const reproduction = ({backend, layer, seed, index}: LayerCaseName) =>
  `npm run fuzz -- --layers --backend ${backend} --operation ${layer} --seed ${seed} --case ${index}`;

export function drawLayerCase({layer, seed, index}: Omit<LayerCaseName, 'backend'>): LayerCase {
  if (!generators[layer]) {
    throw new Error(`fuzz: the layer must be one of ${layerNames.join(', ')}; got ${layer}.`);
  }
  return generators[layer](new Draw(`${layer} ${seed} ${index}`));
}

/** On wasm a case runs on one thread and on two. */
const threadsOn = {wasm: [1, 2], webgpu: [1]};

async function wrongWith(one: LayerCase, {backend, layer}: LayerCaseName): Promise<string | undefined> {
  const check = layer === 'extremes' ? wrongWithExtreme : wrongWithLayer;
  try {
    return await check(one, {backend, threads: threadsOn[backend]});
  } catch (error) {
    return `"${(error as Error).message}" where a result is right`;
  }
}

/** Runs cases of a layer. A line for each that went wrong, with the command that repeats it. */
export async function fuzzLayer(
  name: Omit<LayerCaseName, 'index'>,
  {from = 0, count, until = Infinity}: {from?: number; count: number; until?: number},
): Promise<{ran: number; failures: string[]}> {
  const failures: string[] = [];
  let ran = 0;
  for (let index = from; index < from + count && Date.now() < until; index++) {
    const one = drawLayerCase({...name, index});
    const wrong = await wrongWith(one, {...name, index});
    if (wrong) failures.push(`${reproduction({...name, index})}\n    ${one.text}: ${wrong}`);
    ran++;
  }
  return {ran, failures};
}
