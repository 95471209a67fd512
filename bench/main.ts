/**
 * Benchmarks of this library against stock tfjs, in one run, interleaved.
 *
 *   npm run bench -- [--backend wasm] [--repeats 7] [--only pairs,onnx,model,kernels,steps,memory] [--onnx FILE] [--json FILE]
 *   npm run bench -- --backend webgpu [--batches 1,8,32] [--inner 5] [--repeats 7] [--only pairs,kernels,steps,profile,tiles] [--json FILE]
 *   npm run bench -- --only learning --data DIR [--minutes 10] [--seeds 3] [--configurations a,b] [--threads N]
 *
 * `--onnx` names a Swin-T exported to ONNX and compares with onnxruntime-web (onnx.ts). Times: median (fastest to
 * slowest). Shares are of the speed of a pure loop of multiplications and additions on as many threads, measured in turn with
 * what is compared with it (peak.ts; it runs on wasm). `stock` is a straight port to tfjs's own operations (stock_swin.ts) for pairs, and the same model on tfjs's
 * own kernels for training steps.
 */
import {writeFileSync} from 'node:fs';
import {cpus} from 'node:os';
import {parseArgs} from 'node:util';
import {type BackendName, backendReport, kernelsInUse, setupBackend} from 'tfjs-swint';
import {benchGpu} from './gpu.js';
import {benchTiles} from './gpu_tiles.js';
import {benchKernels} from './kernels.js';
import {benchLearning, machineName} from './learning.js';
import {benchMemory} from './memory.js';
import {benchModel} from './model.js';
import {benchOnnx} from './onnx.js';
import {benchPairs} from './pairs.js';
import {startWorkers} from './peak.js';
import {Report} from './report.js';
import {benchSteps} from './steps.js';

const {values: options} = parseArgs({
  options: {
    backend: {type: 'string', default: 'wasm'},
    repeats: {type: 'string', default: '7'},
    only: {type: 'string', default: 'pairs,onnx,model,kernels,steps,memory'},
    onnx: {type: 'string'},
    json: {type: 'string'},
    batches: {type: 'string', default: '1,8,32'},
    inner: {type: 'string', default: '5'},
    data: {type: 'string'},
    minutes: {type: 'string', default: '10'},
    seeds: {type: 'string', default: '3'},
    configurations: {type: 'string'},
    threads: {type: 'string'},
  },
});
const sections = ['pairs', 'onnx', 'model', 'kernels', 'steps', 'memory', 'profile', 'tiles', 'learning'];
const only = options.only.split(',');
for (const name of only) {
  if (!sections.includes(name)) throw new Error(`--only takes some of ${sections.join(', ')}; got ${name}`);
}
const repeats = Number(options.repeats);
if (!Number.isInteger(repeats) || repeats < 1) {
  throw new Error(`--repeats must be a whole number from 1; got ${options.repeats}`);
}
const backend = options.backend as BackendName;

/** A number of the command line. */
function numberOf(name: 'minutes' | 'seeds' | 'threads', text: string, whole: boolean): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity) || (whole && !Number.isInteger(value))) {
    throw new Error(`--${name} must be a ${whole ? 'whole number from 1' : 'number above 0'}; got ${text}`);
  }
  return value;
}

const threads = options.threads === undefined ? undefined : numberOf('threads', options.threads, true);
await setupBackend(backend, backend === 'wasm' && threads !== undefined ? {threads} : {});
const machine = `${cpus().length} x ${cpus()[0].model}`;
console.log(`${machine}, node ${process.version}, ${backendReport().backend}: ${backendReport().device}`);

if (only.includes('learning')) {
  if (only.length > 1) throw new Error(`--only learning stands by itself; got ${options.only}`);
  if (options.data === undefined) throw new Error('--only learning takes --data DIR; got none');
  const used = threads ?? cpus().length;
  const failed = await benchLearning({
    ...{data: options.data, backend, threads: used, json: options.json},
    minutes: numberOf('minutes', options.minutes, false),
    seeds: numberOf('seeds', options.seeds, true),
    configurations: options.configurations?.split(','),
    machine: machineName(cpus()[0].model, used, backend),
  });
  process.exit(failed.length > 0 ? 1 : 0);
}
if (backend === 'wasm') await startWorkers();
const report = new Report();
let memory: ReturnType<typeof benchMemory> | undefined;

function save(rows: object[]): void {
  if (!options.json) return;
  const result = {
    machine,
    node: process.version,
    report: backendReport(),
    kernels: kernelsInUse(),
    rows,
    memory,
  };
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
}

if (backend === 'webgpu') {
  console.log(JSON.stringify(backendReport().gpu));
  const batches = options.batches.split(',').map(Number);
  const inner = Number(options.inner);
  await benchGpu({batches, repeats, inner, only, save});
  if (only.includes('tiles')) await benchTiles(batches, repeats, inner);
} else {
  if (only.includes('pairs')) await benchPairs(backend, repeats, report);
  if (only.includes('onnx') && options.onnx) await benchOnnx(options.onnx, repeats, report);
  if (only.includes('model')) await benchModel(backend, repeats, report);
  if (only.includes('kernels')) await benchKernels(backend, repeats, report);
  if (only.includes('steps')) await benchSteps(backend, repeats, report);
  if (only.includes('memory') && backend === 'wasm') memory = benchMemory();
  await setupBackend(backend);
  save(report.rows);
}
