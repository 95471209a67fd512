/**
 * `npm test`: runs mocha with a software Vulkan driver for WebGPU, and closes with one line that says how it went:
 *
 *     N passed, N failed, N skipped
 *
 * The driver is SwiftShader from the npm package @sparticuz/chromium; `SWINT_TEST_DRIVER=system npm test` takes the
 * system's Vulkan drivers instead. Drivers are found through the environment of a process as it starts, so mocha runs
 * in a child process. Arguments go to mocha: `npm test -- test/kernels --grep gradient`.
 *
 * Exit status: 0 only if a test ran, none failed and mocha itself ended well. With CI=true the helper `eachBackend`
 * turns a skipped backend into a failure.
 */

import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {tsImport} from 'tsx/esm/api';

const root = fileURLToPath(new URL('..', import.meta.url));
const {sparticuzUnavailable, swiftShaderEnvironment} = await tsImport(
  './helpers/sparticuz.ts',
  import.meta.url,
);

const driver = process.env.SWINT_TEST_DRIVER ?? 'swiftshader';
if (driver !== 'swiftshader' && driver !== 'system') {
  throw new Error(`test/run.mjs: SWINT_TEST_DRIVER must be swiftshader or system; got ${driver}.`);
}
const unavailable = driver === 'swiftshader' ? sparticuzUnavailable() : undefined;
if (unavailable) {
  console.log(`WebGPU tests use the system's Vulkan driver: ${unavailable}.`);
}
const environment = driver === 'system' || unavailable ? {} : swiftShaderEnvironment();

const scratch = mkdtempSync(join(tmpdir(), 'swint-test-'));
const tallyPath = join(scratch, 'tally');
writeFileSync(tallyPath, '');

// All tests, unless the arguments name files or folders. Not in .mocharc.json: mocha would add these to those.
const given = process.argv.slice(2);
const files = given.some((argument) => existsSync(argument)) ? [] : ['test/**/*.test.ts'];

const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules/mocha/bin/mocha.js'),
    '--reporter',
    join(root, 'test/helpers/tally_reporter.ts'),
    '--recursive',
    ...given,
    ...files,
  ],
  {cwd: root, stdio: 'inherit', env: {...process.env, ...environment, SWINT_TEST_TALLY: tallyPath}},
);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => child.kill(signal));
}
const {code, signal} = await new Promise((resolve, reject) => {
  child.on('error', reject);
  child.on('exit', (code, signal) => resolve({code, signal}));
});

const tally = readFileSync(tallyPath, 'utf8');
rmSync(scratch, {recursive: true, force: true});
const count = (letter) => tally.split(letter).length - 1;
const passed = count('p');
let failed = count('f');
const skipped = count('s');
const ended = tally.endsWith('.');
if (!ended || (code !== 0 && failed === 0)) {
  // Mocha died (a crash, a syntax error in a test file, a bad argument): a failure that no test has reported.
  failed += 1;
  const how = signal ? `signal ${signal}` : `exit status ${code}`;
  console.log(`mocha ended ${ended ? 'after' : 'before'} the end of the run with ${how}.`);
} else if (passed + failed === 0) {
  console.log('No test ran.');
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
