/**
 * A page whose Content-Security-Policy allows files of its own server and the compilation of WebAssembly, and nothing else:
 * no text that is run as code, no blob: and data: addresses, no other server.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {expect} from 'chai';
import {isolation, needsChromium, type ServedFile} from '../helpers/chromium.js';
import {html} from './project.js';
import {ALL, browserFiles, expectLearned, OURS, smallTraining, trainIn} from './small_training.js';

const policy = (...more: string[]) => ({
  'content-security-policy': ["default-src 'self'", ...more].join('; '),
});

const compiling = "script-src 'self' 'wasm-unsafe-eval'";

describe('a page with a Content-Security-Policy', () => {
  let files: Map<string, ServedFile>;

  before(function () {
    needsChromium(this);
    const program = smallTraining(`import {tf, ${OURS}} from '${ALL}';`);
    files = browserFiles()
      .set('/main.js', {type: 'text/javascript', body: program})
      .set('/', {type: 'text/html', body: html(['/main.js'])});
  });

  for (const backend of ['wasm', 'webgpu']) {
    it(`of wasm-unsafe-eval trains and classifies on ${backend}`, async () => {
      const found = await trainIn(files, [backend], policy(compiling));
      expectLearned(found, backend);
      expect(found.refused).to.deep.equal([]);
    });
  }

  it('of wasm-unsafe-eval, isolated, has one thread and tells why, and refuses two', async () => {
    const headers = {...isolation, ...policy(compiling)};
    const found = await trainIn(files, ['wasm'], headers);
    expectLearned(found, 'wasm');
    expect(found.threads).to.equal(1);
    expect(found.threadsReason).to.equal(
      'the page may start no workers (its Content-Security-Policy must allow them: worker-src blob:)',
    );
    const {error} = await trainIn(files, ['wasm', {threads: 2}], headers);
    expect(error).to.match(/^BackendError: wasm: threads must be 1 .*worker-src blob:/);
  });

  it('of wasm-unsafe-eval and worker-src blob:, isolated, has two threads', async () => {
    const headers = {...isolation, ...policy(compiling, 'worker-src blob:')};
    const found = await trainIn(files, ['wasm', {threads: 2}], headers);
    expectLearned(found, 'wasm');
    expect(found).to.include({threads: 2, threadsReason: undefined});
    expect(found.refused).to.deep.equal([]);
  });

  it('without wasm-unsafe-eval is told so', async () => {
    const {error} = await trainIn(files, ['wasm'], policy());
    expect(error).to.match(/^BackendError: wasm: .*wasm-unsafe-eval/);
  });
});
