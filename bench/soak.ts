/**
 * An hour of everything, to see that nothing grows: training steps, prediction, saving and loading, set-up and removal of
 * backends with their worker threads.
 *
 *   npm run soak -- [--minutes 60] [--backend wasm|webgpu]          both for half of the time each where none is named
 *
 * Every half minute, between two rounds of the work and after a garbage collection, it notes what the process holds
 * (soak_samples.ts). Beside the names that tfjs-layers keeps for ever (soak_names.ts) a quantity may grow by 2 % of its mean over
 * the run, by a least-squares line through the samples after the warm-up; growth with the names is told too. When the backends
 * are gone no worker thread and no handle may be left. Exit status 1 otherwise. The samples and the verdict are written to
 * bench/results/soak-<backend>-<date>.json.
 *
 * WebGPU runs on the software driver of `npm test`. What it compiles for a device lies in this process's memory until the
 * garbage collector finds the pipelines, which to it are small: in the first minutes those of two or three devices come to
 * stand side by side.
 */
import {writeFileSync} from 'node:fs';
import {cpus, totalmem} from 'node:os';
import {setTimeout as pause} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import {backendReport} from '../src/backends/backend_report.js';
import {measureNameBytes} from './soak_names.js';
import {collectGarbage, growths, handles, type Sample, takeSample, workersAlive} from './soak_samples.js';
import {type Done, nothingDone, setUp, takeAway, workRound} from './soak_work.js';

type SoakBackend = 'wasm' | 'webgpu';

/** Seconds of a round, at whose end a sample is taken. */
const INTERVAL = 30;

/** Rounds that a short run is cut into, and the fewest of a run on a slow machine. */
const ROUNDS = 12;
const FEWEST_ROUNDS = 5;

/** How often wasm comes and goes after a round, with nothing on it. */
const CHANGES = 10;

/** Rounds after which webgpu is set up anew: its shaders take long to compile on a software driver. */
const ROUNDS_OF_DEVICE = 5;

const {values} = parseArgs({
  options: {minutes: {type: 'string', default: '60'}, backend: {type: 'string'}},
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`soak: --minutes must be a number above 0; got ${values.minutes}.`);
const known: readonly SoakBackend[] = ['wasm', 'webgpu'];
if (values.backend !== undefined && !known.includes(values.backend as SoakBackend)) {
  throw new Error(`soak: --backend must be one of ${known.join(', ')}; got ${values.backend}.`);
}
const backends = known.filter((backend) => (values.backend ?? backend) === backend);

interface Phase {
  backend: SoakBackend;
  device: string;
  done: Omit<Done, 'namesOfModels'>;
  samples: Sample[];
  /** Bytes of a name that tfjs-layers keeps. */
  nameBytes: number;
  growth: ReturnType<typeof growths>;
}

/** All work on one backend for `seconds`. */
async function phase(backend: SoakBackend, seconds: number): Promise<Phase> {
  const done = nothingDone();
  const samples: Sample[] = [];
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const interval = Math.min(INTERVAL, seconds / ROUNDS);
  let device = '';
  while (elapsed() < seconds || samples.length < FEWEST_ROUNDS) {
    await setUp(backend, done);
    device = backendReport().device;
    await workRound(done, 0.8 * interval);
    samples.push(await takeSample(start, done.names));
    console.log(`${backend} ${JSON.stringify(samples[samples.length - 1])}`);
    if (backend === 'wasm' || done.rounds % ROUNDS_OF_DEVICE === 0) await takeAway(backend);
    for (let i = 0; backend === 'wasm' && i < CHANGES; i++) {
      await setUp(backend, done);
      await takeAway(backend);
    }
  }
  await takeAway(backend);
  const {namesOfModels, ...counts} = done;
  const nameBytes = await measureNameBytes(namesOfModels, done.names);
  return {backend, device, done: counts, samples, nameBytes, growth: growths(samples, nameBytes)};
}

// Of the graphs of models that are gone tfjs-layers keeps the last hundred.
tf.env().set('TOPOLOGICAL_SORT_CACHE_MAX_ENTRIES', 8);

await collectGarbage();
const before = {workers: workersAlive(), handles: handles()};
const phases: Phase[] = [];
for (const backend of backends) phases.push(await phase(backend, (minutes * 60) / backends.length));
// Worker threads end some time after they were told to.
for (let i = 0; i < 100 && workersAlive() > before.workers; i++) await pause(100);
await collectGarbage();
const left = {
  workers: workersAlive() - before.workers,
  handles: handles().filter((kind) => !before.handles.includes(kind)),
};

const wrong = phases.flatMap(({backend, growth}) =>
  Object.entries(growth)
    .filter(([, {flat}]) => !flat)
    .map(([name, one]) => `${backend}: ${name} grew by ${(100 * one.own).toFixed(1)} % of its mean`),
);
if (left.workers > 0) wrong.push(`${left.workers} worker threads were left`);
if (left.handles.length > 0) wrong.push(`handles were left: ${left.handles.join(', ')}`);

const date = new Date().toISOString().slice(0, 10);
const file = fileURLToPath(new URL(`results/soak-${backends.join('-')}-${date}.json`, import.meta.url));
const machine = {
  processor: `${cpus().length} x ${cpus()[0].model}`,
  memory: totalmem(),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
};
writeFileSync(file, `${JSON.stringify({machine, minutes, phases, left, wrong}, null, 2)}\n`);
for (const {backend, done, nameBytes, growth} of phases) {
  console.log(`${backend}: ${JSON.stringify(done)}`);
  console.log(`  tfjs-layers keeps ${nameBytes.toFixed(0)} bytes for each of ${done.names} names`);
  for (const [name, one] of Object.entries(growth)) {
    console.log(
      `  ${name.padEnd(12)} mean ${Math.round(one.mean)}, growth ${(100 * one.growth).toFixed(2)} %` +
        (one.own === one.growth ? '' : `, without names ${(100 * one.own).toFixed(2)} %`),
    );
  }
}
console.log(wrong.length === 0 ? 'flat' : wrong.join('\n'));
process.exitCode = wrong.length === 0 ? 0 : 1;
