/**
 * tfjs's WebAssembly module that cannot be loaded from where `setWasmPaths` says: one BackendError that says from where and
 * why, the process goes on, and the right path starts the backend afterwards.
 */

import {expect} from 'chai';
import {inFreshProcess} from '../../helpers/fresh_process.js';

/** A server of tfjs's file and of other things in its place; `failure` of a start with a path, as text. */
const preamble = `
  import {createServer} from 'node:http';
  import {createRequire} from 'node:module';
  import {readFileSync} from 'node:fs';
  import {dirname, join} from 'node:path';
  import * as tf from '@tensorflow/tfjs';
  import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
  const require = createRequire(${JSON.stringify(import.meta.url)});
  const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'));
  const stock = readFileSync(join(folder, 'tfjs-backend-wasm-simd.wasm'));
  // A whole module, which wants what tfjs's package does not give.
  const other = Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 101, 1, 102, 0, 0);
  const server = createServer(({url}, response) => {
    const kind = url.split('/')[1];
    if (kind === 'gone') return response.destroy();
    if (kind === 'missing') response.statusCode = 404;
    response.end({stock, cut: stock.subarray(0, 5000), other}[kind] ?? '<html>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = (kind) => 'http://127.0.0.1:' + server.address().port + '/' + kind + '/';
  const start = (path, platform, threads) => {
    setWasmPaths(path, platform);
    return failure(setupBackend('wasm', {threads}));
  };
`;

describe('the WebAssembly module of tfjs', () => {
  for (const threads of [1, 2]) {
    it(`is fetched by tfjs's platform, which fails in many ways, for ${threads} threads`, () => {
      const {told, ended, status, stderr} = inFreshProcess(`${preamble}
        await tf.setBackend('cpu');
        for (const kind of ['missing', 'page', 'gone', 'cut', 'other']) tell(await start(at(kind), true, ${threads}));
        tell(await start('/nowhere/', true, ${threads}));
        tell([tf.getBackend(), Array.from(tf.tensor1d([1, 2]).add(1).dataSync())]);
        const {fetch} = tf.env().platform;
        tell(await start(at('stock'), true, ${threads}));
        tell([tf.getBackend(), Array.from(tf.tensor1d([1, 2]).add(1).dataSync()), fetch === tf.env().platform.fetch]);
        server.close();
        tf.removeBackend('wasm');`);
      expect(ended, stderr).to.equal(true);
      expect(status, stderr).to.equal(0);
      const places = ['missing', 'page', 'gone', 'cut', 'other'].map(
        (kind) => `/${kind}/tfjs-backend-wasm-simd.wasm`,
      );
      const reasons = [
        /status 404/,
        /no WebAssembly/,
        /fetch failed/,
        /CompileError|no WebAssembly/,
        /import/i,
      ];
      for (const [i, place] of places.entries()) {
        expect(told[i]).to.match(/^BackendError: wasm: /);
        expect(told[i]).to.contain(`http://127.0.0.1:`).and.contain(place);
        expect(told[i]).to.match(reasons[i]).and.to.contain('setWasmPaths');
      }
      expect(told[5]).to.match(
        /^BackendError: wasm: .*\/nowhere\/tfjs-backend-wasm-simd\.wasm.*setWasmPaths/,
      );
      expect(told.slice(6)).to.deep.equal([['cpu', [2, 3]], 'none', ['wasm', [2, 3], true]]);
    });
  }

  it('is read from a path, which is wrong', () => {
    const {told, status, stderr} = inFreshProcess(`${preamble}
      await tf.setBackend('cpu');
      tell(await start('/nowhere/', false, 1));
      tell(tf.getBackend());
      const {RuntimeError} = WebAssembly;
      tell(RuntimeError.toString().includes('[native code]'));
      server.close();`);
    expect(status, stderr).to.equal(0);
    expect(told[0]).to.match(/^BackendError: wasm: .*\/nowhere\/tfjs-backend-wasm-simd\.wasm.*setWasmPaths/);
    expect(told.slice(1)).to.deep.equal(['cpu', true]);
  });

  it('is behind a URL, and read as a path', () => {
    const {told, status, stderr} = inFreshProcess(`${preamble}
      tell(await start(at('stock'), false, 1));
      server.close();`);
    expect(status, stderr).to.equal(0);
    expect(told[0]).to.match(/^BackendError: wasm: .*127\.0\.0\.1.*setWasmPaths\(url, true\)/);
  });
});
