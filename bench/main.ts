/**
 * Benchmarks of this library against stock tfjs, in one run, interleaved.
 *
 *   npm run bench -- [--backend wasm] [--repeats 7] [--only pairs,onnx,model,kernels,steps,memory] [--onnx FILE] [--json FILE]
 *   npm run bench -- --backend webgpu [--batches 1,8,32] [--inner 5] [--repeats 7] [--only pairs,kernels,steps,profile,tiles] [--json FILE]
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
  },
});
const sections = ['pairs', 'onnx', 'model', 'kernels', 'steps', 'memory', 'profile', 'tiles'];
const only = options.only.split(',');
for (const name of only) {
  if (!sections.includes(name)) throw new Error(`--only takes some of ${sections.join(', ')}; got ${name}`);
}
const repeats = Number(options.repeats);
if (!Number.isInteger(repeats) || repeats < 1) {
  throw new Error(`--repeats must be a whole number from 1; got ${options.repeats}`);
}
const backend = options.backend as BackendName;

await setupBackend(backend);
const machine = `${cpus().length} x ${cpus()[0].model}`;
console.log(`${machine}, node ${process.version}, ${backendReport().backend}: ${backendReport().device}`);
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
