/** Runs random cases of layers and says which went wrong, and how to run them again. */

import {type LayerVerdict, wrongWithLayer} from './check_layer.js';
import {Draw} from './draw.js';
import {drawExtreme, wrongWithExtreme} from './extremes.js';
import type {FuzzBackend} from './fuzz_case.js';
import {
  drawBatchNorm,
  drawBlock,
  drawGelu,
  drawGlobalMax,
  drawMerging,
  drawSwinT,
} from './generators/layers.js';
import type {LayerCase} from './layer_case.js';

const generators: Record<string, (draw: Draw, shapes?: Draw) => LayerCase> = {
  swinT: drawSwinT,
  swinBlock: drawBlock,
  patchMerging: drawMerging,
  batchNormalization: drawBatchNorm,
  gelu: drawGelu,
  globalMaxPooling: drawGlobalMax,
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

/**
 * How many combinations of a score, a length of heads, a window and the sides of a map the cases of one seed have on webgpu.
 * Each has shaders of its own for attention, and a software driver compiles a shader for half a second and computes a case in a
 * tenth of that. Nothing else has as many shaders. Other seeds have other combinations; all else differs from case to case.
 */
const SHAPES = 24;

export function drawLayerCase({backend, layer, seed, index}: LayerCaseName): LayerCase {
  if (!generators[layer]) {
    throw new Error(`fuzz: the layer must be one of ${layerNames.join(', ')}; got ${layer}.`);
  }
  const draw = new Draw(`${layer} ${seed} ${index}`);
  if (backend === 'wasm') return generators[layer](draw);
  return generators[layer](draw, new Draw(`shapes ${seed} ${index % SHAPES}`));
}

/** On wasm a case runs on one thread and on two. */
const threadsOn = {wasm: [1, 2], webgpu: [1]};

async function verdictOf(one: LayerCase, {backend, layer}: LayerCaseName): Promise<LayerVerdict> {
  const check = layer === 'extremes' ? wrongWithExtreme : wrongWithLayer;
  try {
    return await check(one, {backend, threads: threadsOn[backend]});
  } catch (error) {
    return {wrong: `"${(error as Error).message}" where a result is right`, leftOut: []};
  }
}

export interface LayerRun {
  ran: number;
  /** A line for each case that went wrong, with the command that repeats it. */
  failures: string[];
  /** Cases with a result that no float32 program gets right, so that it was not judged. */
  illConditioned: number;
}

/** Runs cases of a layer. */
export async function fuzzLayer(
  name: Omit<LayerCaseName, 'index'>,
  {from = 0, count, until = Infinity}: {from?: number; count: number; until?: number},
): Promise<LayerRun> {
  const run: LayerRun = {ran: 0, failures: [], illConditioned: 0};
  for (let index = from; index < from + count && Date.now() < until; index++) {
    const one = drawLayerCase({...name, index});
    const {wrong, leftOut} = await verdictOf(one, {...name, index});
    if (wrong) run.failures.push(`${reproduction({...name, index})}\n    ${one.text}: ${wrong}`);
    if (leftOut.length > 0) run.illConditioned++;
    run.ran++;
  }
  return run;
}
