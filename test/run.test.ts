/**
 * test/run.mjs, the program behind `npm test`, on test files made for it: what it counts, its closing line and its exit
 * status; and through it what `eachBackend` does about a backend that is missing.
 */

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import {needsChromium} from './helpers/chromium.js';
import {opened} from './helpers/opened.js';

const runner = fileURLToPath(new URL('run.mjs', import.meta.url));
const helper = (name: string) => JSON.stringify(new URL(`helpers/${name}`, import.meta.url).href);

interface Outcome {
  passes: boolean;
  closing: string | undefined;
  output: string;
}

describe('test/run.mjs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'swint-run-'));
  after(() => rmSync(folder, {recursive: true}));
  let runs = 0;
  /** Starts the runs that wait for long, so that the others go on meanwhile. */
  let begin: () => void;
  before(() => begin());

  /** Runs the runner on a test file with this code. */
  const run = async (code: string, env: Record<string, string> = {}): Promise<Outcome> => {
    const file = join(folder, `made${++runs}.test.mjs`);
    writeFileSync(file, code);
    const child = spawn(process.execPath, [runner, file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // No colours, and CI only where a case says so.
      env: {...process.env, FORCE_COLOR: '0', CI: '', SWINT_TEST_QUICK: '', ...env},
    });
    const close = opened(() => child.kill(), 'run');
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const [status] = await once(child, 'close');
    await close();
    return {passes: status === 0, closing: stdout.trimEnd().split('\n').at(-1), output: stdout + stderr};
  };

  it('counts what passes', async () => {
    const {passes, closing, output} = await run(
      `it('a', () => {}); it('b', () => {}); it.skip('c', () => {});`,
    );
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
    it(`fails when ${name}`, async () => {
      const {passes, closing} = await run(code);
      expect({passes, closing}).to.deep.equal({passes: false, closing: expected});
    });
  }

  describe('ends, kills what is left and counts a failure when a test', () => {
    const pidFile = (name: string) => join(folder, `${name}.pid`);
    /** Whether the process is alive whose number a test wrote to its file. */
    const alive = (name: string) => {
      // A process that was killed is there until its parent, which is not ours, has taken notice.
      const status = `/proc/${readFileSync(pidFile(name), 'utf8')}/status`;
      return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
    };
    const child = (name: string, options: string) => `
      import {spawn} from 'node:child_process';
      import {writeFileSync} from 'node:fs';
      it('a', () => {
        const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], ${options});
        writeFileSync(${JSON.stringify(pidFile(name))}, String(child.pid));
        child.unref();
      });`;
    const hanging = (name: string) => `
      import {utimesSync, writeFileSync} from 'node:fs';
      import {inChromium} from ${helper('chromium.ts')};
      import {MARKS, RunProcesses} from ${helper('run_processes.mjs')};
      const files = new Map([['/', {type: 'text/html', body: '<!doctype html>'}]]);
      it('a', () => {});
      it('for ever', () => inChromium(files, async (page, address) => {
        await page.goto(address);
        const processes = new RunProcesses(process.env[MARKS].split(' ').at(-1)).alive();
        const {pid} = processes.find(({command}) => command.includes('--type=renderer'));
        writeFileSync(${JSON.stringify(pidFile(name))}, String(pid));
        utimesSync(process.env.SWINT_TEST_TALLY, 0, 0); // As if it had begun long ago.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      }));`;

    const cases: Record<string, {code: string; says: RegExp; starts?: string}> = {
      'leaves a server open': {
        code: `
          import {createServer} from 'node:http';
          it('a', () => void createServer().listen(0));`,
        says: /mocha was killed: 20 s after its last test it was still there.*TCPServerWrap/,
      },
      'leaves a child process whose output it reads': {
        code: child('reading', `{stdio: ['ignore', 'pipe', 'ignore']}`),
        says: /mocha was killed: 20 s after its last test it was still there.*PipeWrap/,
        starts: 'reading',
      },
      'leaves a child process that it has let go of': {
        code: child('free', `{stdio: 'ignore', detached: true}`),
        says: /a test left processes behind, which were killed: .*setInterval/,
        starts: 'free',
      },
      'with a browser never returns, so that no limit of mocha comes': {
        code: hanging('browser'),
        says: /mocha was killed: for \d+ s nothing began or ended after "for ever" had begun/,
        starts: 'browser',
      },
    };
    let outcomes: Record<string, Promise<Outcome>>;
    begin = () => {
      const started = Object.entries(cases).map(([name, {code}]) => [
        name,
        run(code, {SWINT_TEST_GRACE: '20'}),
      ]);
      outcomes = Object.fromEntries(started);
    };
    for (const [name, {says, starts}] of Object.entries(cases)) {
      it(name, async function () {
        if (starts === 'browser') needsChromium(this);
        const {passes, closing, output} = await outcomes[name];
        expect({passes, closing}, output).to.deep.equal({
          passes: false,
          closing: '1 passed, 1 failed, 0 skipped',
        });
        expect(output).to.match(says);
        if (starts) expect(alive(starts)).to.equal(false);
      });
    }
  });

  describe("closes after a test that mocha's time limit ends", () => {
    it('what the test had registered', async () => {
      const {passes, closing, output} = await run(`
        import {createServer} from 'node:http';
        import {opened} from ${helper('opened.ts')};
        it('a', async function () {
          this.timeout(50);
          const server = createServer().listen(0);
          const close = opened(() => { console.log('the server is closed'); server.close(); });
          try { await new Promise(() => {}); } finally { await close(); }
        });
        it('b', () => console.log('b begins'));`);
      expect({passes, closing}).to.deep.equal({passes: false, closing: '1 passed, 1 failed, 0 skipped'});
      expect(output).to.match(/the server is closed[\s\S]*b begins/);
      expect(output).not.to.match(/mocha was killed|left processes/);
    });

    it('the browser, and the next test gets another', async function () {
      needsChromium(this);
      const {passes, closing, output} = await run(`
        import {inChromium} from ${helper('chromium.ts')};
        const files = new Map([['/', {type: 'text/html', body: '<!doctype html>'}]]);
        it('a', async function () {
          await inChromium(files, async (page) => console.log('before', page.context().browser().isConnected()));
          await inChromium(files, (page, address) => {
            this.timeout(50);
            return page.evaluate(() => { for (;;); });
          });
        });
        it('b', () => inChromium(files, async (page, address) => {
          await page.goto(address);
          console.log('after', await page.evaluate(() => location.pathname));
        }));`);
      expect({passes, closing}, output).to.deep.equal({
        passes: false,
        closing: '1 passed, 1 failed, 0 skipped',
      });
      expect(output).to.match(/before true[\s\S]*after \//);
      expect(output).not.to.match(/mocha was killed|left processes/);
    });
  });

  describe('with a backend missing', () => {
    const suite = `
      import {eachBackend} from ${helper('backends.ts')};
      eachBackend((backend) => { it('runs on ' + backend, () => {}); }, {only: ['cpu', 'webgpu']});`;
    const withoutDriver = {SWINT_TEST_DRIVER: 'system', VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none'};

    it('skips its suite and says why', async () => {
      const {passes, closing, output} = await run(suite, withoutDriver);
      expect({passes, closing}).to.deep.equal({passes: true, closing: '1 passed, 0 failed, 1 skipped'});
      expect(output).to.match(/skipped on webgpu: .*Vulkan/);
    });

    it('fails in CI', async () => {
      const {passes, closing} = await run(suite, {...withoutDriver, CI: 'true'});
      expect({passes, closing}).to.deep.equal({passes: false, closing: '1 passed, 1 failed, 0 skipped'});
    });
  });

  it('refuses a driver that it does not know', async () => {
    const {passes, output} = await run(`it('a', () => {});`, {SWINT_TEST_DRIVER: 'nvidia'});
    expect(passes).to.equal(false);
    expect(output).to.contain('must be swiftshader or system; got nvidia');
  });
});
