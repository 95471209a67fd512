/**
 * test/run.mjs, the program behind `npm test`, on test files made for it: what it counts, its closing line and its exit
 * status; and through it what `eachBackend` does about a backend that is missing.
 */

import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';

const runner = fileURLToPath(new URL('run.mjs', import.meta.url));
const helper = new URL('helpers/backends.ts', import.meta.url).href;

describe('test/run.mjs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'swint-run-'));
  after(() => rmSync(folder, {recursive: true}));

  /** Runs the runner on a test file with this code. */
  const run = (code: string, env: Record<string, string> = {}) => {
    const file = join(folder, 'made.test.mjs');
    writeFileSync(file, code);
    const {status, stdout, stderr} = spawnSync(process.execPath, [runner, file], {
      encoding: 'utf8',
      // No colours, and CI only where a case says so.
      env: {...process.env, FORCE_COLOR: '0', CI: '', ...env},
    });
    return {passes: status === 0, closing: stdout.trimEnd().split('\n').at(-1), output: stdout + stderr};
  };

  it('counts what passes', () => {
    const {passes, closing, output} = run(`it('a', () => {}); it('b', () => {}); it.skip('c', () => {});`);
    expect({passes, closing}).to.deep.equal({passes: true, closing: '2 passed, 0 failed, 1 skipped'});
    expect(output).to.match(/\bb\b/); // The report per test is still printed.
  });

  const failing: Record<string, [string, string]> = {
    'a test fails': [
      `it('a', () => {}); it('b', () => { throw new Error('x'); });`,
      '1 passed, 1 failed, 0 skipped',
    ],
    'a hook fails': [
      `before(() => { throw new Error('x'); }); it('a', () => {});`,
      '0 passed, 1 failed, 0 skipped',
    ],
    'the process crashes': [
      `it('a', () => {}); it('b', () => process.abort());`,
      '1 passed, 1 failed, 0 skipped',
    ],
    'the process leaves in between': [
      `it('a', () => {}); it('b', () => process.exit(0));`,
      '1 passed, 1 failed, 0 skipped',
    ],
    'a file does not load': [`it('a', () => {}); )`, '0 passed, 1 failed, 0 skipped'],
    'no test ran': [`it.skip('a', () => {});`, '0 passed, 0 failed, 1 skipped'],
  };
  for (const [name, [code, expected]] of Object.entries(failing)) {
    it(`fails when ${name}`, () => {
      const {passes, closing} = run(code);
      expect({passes, closing}).to.deep.equal({passes: false, closing: expected});
    });
  }

  describe('with a backend missing', () => {
    const suite = `
      import {eachBackend} from ${JSON.stringify(helper)};
      eachBackend((backend) => { it('runs on ' + backend, () => {}); }, {only: ['cpu', 'webgpu']});`;
    const withoutDriver = {SWINT_TEST_DRIVER: 'system', VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none'};

    it('skips its suite and says why', () => {
      const {passes, closing, output} = run(suite, withoutDriver);
      expect({passes, closing}).to.deep.equal({passes: true, closing: '1 passed, 0 failed, 1 skipped'});
      expect(output).to.match(/skipped on webgpu: .*Vulkan/);
    });

    it('fails in CI', () => {
      const {passes, closing} = run(suite, {...withoutDriver, CI: 'true'});
      expect({passes, closing}).to.deep.equal({passes: false, closing: '1 passed, 1 failed, 0 skipped'});
    });
  });

  it('refuses a driver that it does not know', () => {
    const {passes, output} = run(`it('a', () => {});`, {SWINT_TEST_DRIVER: 'nvidia'});
    expect(passes).to.equal(false);
    expect(output).to.contain('must be swiftshader or system; got nvidia');
  });
});
