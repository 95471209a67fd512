/**
 * Benchmarks of this library against stock tfjs, in one run, interleaved.
 *
 *   npm run bench -- [--backend wasm] [--repeats 7] [--only pairs,onnx,kernels,steps,memory] [--onnx FILE] [--json FILE]
 *
 * `--onnx` names a Swin-T exported to ONNX and compares with onnxruntime-web (onnx.ts). Times: median (fastest to
 * slowest). Shares are of the speed of a pure loop of multiplications and additions, measured in the same run on as many
 * threads. `stock` is a straight port to tfjs's own operations (stock_swin.ts) for pairs, and the same model on tfjs's
 * own kernels for training steps.
 */
import {writeFileSync} from 'node:fs';
import {cpus} from 'node:os';
import {parseArgs} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {type BackendName, backendReport, kernelsInUse, setupBackend} from 'tfjs-swint';
import {benchKernels} from './kernels.js';
import {interleaved} from './measure.js';
import {benchMemory} from './memory.js';
import {benchOnnx} from './onnx.js';
import {benchPairs} from './pairs.js';
import {type Peak, Report} from './report.js';
import {benchSteps} from './steps.js';

const {values: options} = parseArgs({
  options: {
    backend: {type: 'string', default: 'wasm'},
    repeats: {type: 'string', default: '7'},
    only: {type: 'string', default: 'pairs,onnx,kernels,steps,memory'},
    onnx: {type: 'string'},
    json: {type: 'string'},
  },
});
const sections = ['pairs', 'onnx', 'kernels', 'steps', 'memory'];
const only = options.only.split(',');
for (const name of only) {
  if (!sections.includes(name)) throw new Error(`--only takes some of ${sections.join(', ')}; got ${name}`);
}
const repeats = Number(options.repeats);
if (!Number.isInteger(repeats) || repeats < 1) {
  throw new Error(`--repeats must be a positive integer; got ${options.repeats}`);
}
const backend = options.backend as BackendName;

/** GFLOP/s of multiplications and additions in registers. */
async function measurePeak(): Promise<Peak> {
  const attrs = {turns: 20_000, units: 8 * cpus().length};
  let operations = 0;
  const run = async () => {
    const done = tf.engine().runKernel('SwintPeak', {}, attrs) as tf.Tensor;
    [operations] = await done.data();
    done.dispose();
    return undefined;
  };
  // The first kernel with work for several threads starts the workers.
  await run();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const {one, all} = await interleaved(
    {
      one: {prepare: () => setupBackend('wasm', {threads: 1}), run},
      all: {prepare: () => setupBackend('wasm'), run},
    },
    15,
  );
  return {one: operations / one.min / 1e6, all: operations / all.min / 1e6};
}

await setupBackend(backend);
const machine = `${cpus().length} x ${cpus()[0].model}`;
console.log(`${machine}, node ${process.version}, ${backendReport().backend}: ${backendReport().device}`);
const peak = backend === 'wasm' ? await measurePeak() : {one: Number.NaN, all: Number.NaN};
if (backend === 'wasm') {
  console.log(`peak: ${peak.one.toFixed(1)} GFLOP/s on 1 thread, ${peak.all.toFixed(1)} on ${cpus().length}`);
}
const report = new Report(peak);
if (only.includes('pairs')) await benchPairs(backend, repeats, report);
if (only.includes('onnx') && options.onnx) await benchOnnx(options.onnx, repeats, report);
if (only.includes('kernels')) await benchKernels(backend, repeats, report);
if (only.includes('steps')) await benchSteps(backend, repeats, report);
const memory = only.includes('memory') && backend === 'wasm' ? benchMemory() : undefined;
await setupBackend(backend);
if (options.json) {
  const result = {
    machine,
    node: process.version,
    report: backendReport(),
    kernels: kernelsInUse(),
    peak,
    rows: report.rows,
    memory,
  };
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
}
