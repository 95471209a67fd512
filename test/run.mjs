/**
 * `npm test`: runs mocha with a software Vulkan driver for WebGPU, and closes with one line that says how it went:
 *
 *     N passed, N failed, N skipped
 *
 * The driver is SwiftShader from the npm package @sparticuz/chromium; `SWINT_TEST_DRIVER=system npm test` takes the
 * system's Vulkan drivers instead. Drivers are found through the environment of a process as it starts, so mocha runs
 * in a child process. Arguments go to mocha: `npm test -- test/kernels --grep gradient`.
 *
 * `npm run test:quick` is `--quick`: cpu and wasm alone, without what takes long (`SLOW` below), as many files at once as
 * there are cores.
 *
 * The run always ends, and leaves no process behind. Where mocha hangs, or is still there after its last test, or a
 * process that a test started outlives it, all of them are killed, and that is one failure more, which is named.
 *
 * Exit status: 0 only if a test ran, none failed and mocha itself ended well. With CI=true the helper `eachBackend`
 * turns a skipped backend into a failure.
 */

import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {availableParallelism, tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {tsImport} from 'tsx/esm/api';
import {MARKS, RunProcesses} from './helpers/run_processes.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What `--quick` leaves out, besides WebGPU: globs, and why they take long. */
const SLOW = {
  'test/kernels/webgpu/**': 'WebGPU on a software driver',
  'test/src/backends/webgpu_{device,loss}.test.ts': 'WebGPU on a software driver',
  'test/browser/**': 'a browser',
  'test/helpers/chromium.test.ts': 'a browser',
  'test/examples/**': 'the example programs',
  'test/package.test.ts': 'packing and installing',
  'test/run.test.ts': 'runs of this program',
  'test/src/cli/{train,train_resume}.test.ts': 'whole trainings',
  'test/src/backends/{setup_backend,shared_heap}.test.ts': 'a process per test',
  'test/kernels/wasm/runtime/threads.test.ts': 'a process per test',
  'test/src/node/{interrupted_save,checkpoint_folder}.test.ts': 'a process per test',
  'test/bundlers/**': 'bundlers and a browser',
  'test/engines/**': 'other engines and a browser',
  'test/fuzz/**': 'random cases',
};

/**
 * Seconds without a test or a hook that begins or ends, after which mocha hangs. Its own limit per test is shorter. Mocha
 * tells of the tests of a file when all of them have ended, where several processes run them.
 */
const HANG = 1800;
/** Seconds that processes have to end in after the last test, on a busy machine too. */
const GRACE = Number(process.env.SWINT_TEST_GRACE ?? 60);
if (!(GRACE > 0)) {
  throw new Error(
    `test/run.mjs: SWINT_TEST_GRACE must be a number of seconds above 0; got ${process.env.SWINT_TEST_GRACE}.`,
  );
}

/** The environment in which Dawn finds the driver that SWINT_TEST_DRIVER asks for. */
async function driverEnvironment() {
  const driver = process.env.SWINT_TEST_DRIVER ?? 'swiftshader';
  if (driver !== 'swiftshader' && driver !== 'system') {
    throw new Error(`test/run.mjs: SWINT_TEST_DRIVER must be swiftshader or system; got ${driver}.`);
  }
  if (driver === 'system') return {};
  const {sparticuzUnavailable, swiftShaderEnvironment} = await tsImport(
    './helpers/sparticuz.ts',
    import.meta.url,
  );
  const unavailable = sparticuzUnavailable();
  if (unavailable === undefined) return swiftShaderEnvironment();
  console.log(`WebGPU tests use the system's Vulkan driver: ${unavailable}.`);
  return {};
}

/** Mocha's arguments, and what is to be in its environment, for those of this program. */
function mochaCall(given) {
  const quick = given.includes('--quick');
  const passedOn = given.filter((argument) => argument !== '--quick');
  if (quick) {
    console.log('Quick: cpu, and wasm on one thread. Left out (npm test runs all):');
    for (const [files, why] of Object.entries({'webgpu, everywhere': 'a software driver', ...SLOW})) {
      console.log(`  ${files} (${why})`);
    }
  }
  const named = passedOn.some((argument) => existsSync(argument));
  // Of many files a process for each core runs some. A run of named files prints each test as it ends.
  const parallel = named && !quick ? [] : ['--parallel', '--jobs', String(availableParallelism())];
  // Not in .mocharc.json: mocha would add these to those that are named.
  const files = named ? [] : ['test/**/*.test.ts'];
  const ignored = quick ? Object.keys(SLOW).flatMap((glob) => ['--ignore', glob]) : [];
  return {
    args: ['--recursive', ...parallel, ...ignored, ...passedOn, ...files],
    env: quick ? {SWINT_TEST_QUICK: '1'} : {},
  };
}

/** The events that test/helpers/tally_reporter.ts wrote; the last one may be cut short by a crash. */
function readTally(path) {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Kills the run where it hangs. Resolves with how mocha ended and, where it was killed, why. */
async function watch(child, processes, tally) {
  let ending;
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      ending = {code, signal};
      resolve();
    });
  });
  let killed;
  while (ending === undefined) {
    await Promise.race([ended, pause(500)]);
    processes.alive(); // So that it knows whose children to look for.
    const silence = (Date.now() - statSync(tally).mtimeMs) / 1000;
    if (killed || ending || silence < Math.min(HANG, GRACE)) continue;
    const closing = readTally(tally).some(([event]) => event === 'end');
    if (silence < (closing ? GRACE : HANG)) continue;
    killed = closing ? 'open' : 'hang';
    child.kill('SIGKILL');
    processes.kill();
  }
  return {...ending, killed};
}

/** Kills what outlives mocha, once it had time to end by itself. Returns the commands of what was killed. */
async function endLeftOvers(processes) {
  const until = Date.now() + GRACE * 1000;
  while (processes.alive().length > 0 && Date.now() < until) await pause(100);
  const left = processes.alive().map(({command}) => command.slice(0, 120));
  processes.kill();
  return left;
}

/** What went wrong with the run as a whole, beside the tests that failed, if anything did. */
function wrongWithTheRun(events, {code, signal, killed}, left) {
  const of = (kind) => events.filter(([event]) => event === kind);
  const last = of('begin').at(-1)?.[1] ?? 'the files as they load';
  if (killed === 'hang')
    return `mocha was killed: for ${HANG} s nothing began or ended after "${last}" had begun`;
  if (killed === 'open') {
    const open = [...new Set(of('open').at(-1)?.[1])].join(', ');
    return `mocha was killed: ${GRACE} s after its last test it was still there, because of what a test left open (${open})`;
  }
  const how = signal ? `signal ${signal}` : `exit status ${code}`;
  // A crash, a syntax error in a test file, a bad argument: a failure that no test has reported.
  if (of('end').length === 0) return `mocha ended before the end of the run with ${how}, in "${last}"`;
  if (code !== 0 && of('failed').length === 0) return `mocha ended after the end of the run with ${how}`;
  return left.length > 0 ? `a test left processes behind, which were killed: ${left.join(' | ')}` : undefined;
}

/** The files whose tests took longest, in seconds. */
function slowest(events) {
  const sums = new Map();
  for (const [, ms, file] of events.filter(([event]) => event === 'passed' || event === 'failed')) {
    sums.set(file, (sums.get(file) ?? 0) + ms / 1000);
  }
  const sorted = [...sums].sort(([, a], [, b]) => b - a).filter(([, sum]) => sum >= 1);
  return sorted.slice(0, 10).map(([file, sum]) => `${file} ${sum.toFixed(0)}`);
}

const scratch = mkdtempSync(join(tmpdir(), 'swint-test-'));
const tally = join(scratch, 'tally');
writeFileSync(tally, '');
const mark = basename(scratch);
const {args, env} = mochaCall(process.argv.slice(2));
const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules/mocha/bin/mocha.js'),
    '--reporter',
    join(root, 'test/helpers/tally_reporter.ts'),
    ...args,
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(await driverEnvironment()),
      ...env,
      SWINT_TEST_TALLY: tally,
      [MARKS]: `${process.env[MARKS] ?? ''} ${mark}`.trim(),
    },
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal));
}
const processes = new RunProcesses(mark);
const ending = await watch(child, processes, tally);
const left = await endLeftOvers(processes);

const events = readTally(tally);
rmSync(scratch, {recursive: true, force: true});
const count = (kind) => events.filter(([event]) => event === kind).length;
const wrong = wrongWithTheRun(events, ending, left);
const [passed, failed, skipped] = [count('passed'), count('failed') + (wrong ? 1 : 0), count('skipped')];
const slow = slowest(events);
if (slow.length > 0) console.log(`Slowest files, in seconds: ${slow.join(', ')}.`);
if (wrong) console.log(`${wrong}.`);
else if (passed + failed === 0) console.log('No test ran.');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
