/**
 * The fuzzer of the stock operations that are replaced, and of the layers.
 *
 *     npm run fuzz                                  2,000 cases of each operation on each backend, seed 1
 *     npm run fuzz -- --layers                      2,000 cases of each layer, and of all on extreme inputs
 *     npm run fuzz -- --minutes 30 --seed 7         seeds 7, 8, ... until the time is up, which all operations share
 *     npm run fuzz -- --files                       10,000 damaged files of each format; --operation torch for one of them
 *     npm run fuzz -- --backend wasm --operation sum --seed 7 --case 12     one case again; also with --layers
 *
 * A line for each case that went wrong, which is the command that repeats it. Exit status 1 if there was one.
 */
import {parseArgs} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import '../../kernels/index.js';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import * as wasm from '../../kernels/wasm/tfjs/replacements.js';
import * as webgpu from '../../kernels/webgpu/tfjs/replacements.js';
import {whyUnavailable} from '../helpers/backends.js';
import {drawCase, fuzz} from './check_case.js';
import type {FuzzBackend} from './fuzz_case.js';
import {drawLayerCase, fuzzLayer, layerNames} from './fuzz_layers.js';
import {operations} from './operations.js';

/** Cases of an operation for each seed. */
const CASES = 2000;

const {values} = parseArgs({
  options: {
    minutes: {type: 'string'},
    seed: {type: 'string', default: '1'},
    files: {type: 'boolean', default: false},
    layers: {type: 'boolean', default: false},
    backend: {type: 'string'},
    operation: {type: 'string'},
    case: {type: 'string'},
  },
});

function wholeNumber(name: string, given: string): number {
  if (/^\d+$/.test(given)) return Number(given);
  throw new Error(`fuzz: --${name} must be a whole number; got ${given}.`);
}

const firstSeed = wholeNumber('seed', values.seed);
const minutes = values.minutes === undefined ? undefined : wholeNumber('minutes', values.minutes);
const only = values.case === undefined ? undefined : wholeNumber('case', values.case);
const until = minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + minutes * 60_000;
if (values.files) {
  const {runFileFuzzer} = await import('./files.js');
  const {operation} = values;
  const wrong = await runFileFuzzer({seed: firstSeed, operation, only, until: minutes && until});
  process.exit(wrong === 0 ? 0 : 1);
}
const known = Object.keys(operations) as FuzzBackend[];
if (values.backend !== undefined && !known.includes(values.backend as FuzzBackend)) {
  throw new Error(`fuzz: --backend must be one of ${known.join(', ')}; got ${values.backend}.`);
}
const backends = known.filter((backend) => (values.backend ?? backend) === backend);

type Range = Parameters<typeof fuzz>[1];

/** What is fuzzed on a backend: its name, what runs cases of it, and what says in words what a case is. */
interface Subject {
  name: string;
  run: (seed: number, range: Range) => Promise<{ran: number; failures: string[]; illConditioned?: number}>;
  text: (seed: number, index: number) => string;
}

function subjects(backend: FuzzBackend): Subject[] {
  if (values.layers) {
    const fuzzed = (layer: string): Subject => ({
      name: layer,
      run: (seed, range) => fuzzLayer({backend, layer, seed}, range),
      text: (seed, index) => drawLayerCase({backend, layer, seed, index}).text,
    });
    return (values.operation ? [values.operation] : layerNames).map(fuzzed);
  }
  const fuzzed = (operation: string): Subject => ({
    name: operation,
    run: (seed, range) => fuzz({backend, operation, seed}, range),
    text: (seed, index) => drawCase({backend, operation, seed, index}).text,
  });
  return (values.operation ? [values.operation] : Object.keys(operations[backend])).map(fuzzed);
}

/** All subjects with one seed. The number of cases that went wrong. */
async function round(seed: number): Promise<number> {
  let wrong = 0;
  const all = backends.flatMap((backend) => subjects(backend).map((subject) => ({backend, ...subject})));
  for (const [i, {backend, name, run, text}] of all.entries()) {
    await tf.setBackend(backend);
    if (only !== undefined) console.log(text(seed, only));
    const range = only === undefined ? {count: CASES} : {from: only, count: 1};
    // What one leaves of its share goes to those after it.
    const share = (until - Date.now()) / (all.length - i);
    const {ran, failures, illConditioned = 0} = await run(seed, {...range, until: Date.now() + share});
    for (const failure of failures) console.log(failure);
    const leftOut = illConditioned > 0 ? `, ${illConditioned} with results left out as ill-conditioned` : '';
    console.log(`${backend} ${name} seed ${seed}: ${ran} cases, ${failures.length} wrong${leftOut}`);
    wrong += failures.length;
  }
  return wrong;
}

for (const backend of backends) {
  const reason = await whyUnavailable(backend);
  if (reason !== undefined) throw new Error(`fuzz: ${backend} must be usable; got "${reason}".`);
  ({wasm, webgpu})[backend].replaceStockKernels();
}
let wrong = 0;
let seed = firstSeed;
do {
  // Seeds in turn on one thread and on two; a case of a layer runs on both.
  setThreads(1 + (seed % 2));
  wrong += await round(seed);
  seed++;
} while (minutes !== undefined && only === undefined && Date.now() < until);
process.exit(wrong === 0 ? 0 : 1);
