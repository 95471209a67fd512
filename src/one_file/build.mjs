/**
 * Makes the files of dist/browser/, part of `npm run build`: modules for pages without a bundler.
 *
 *   tfjs-swint.all.min.js   everything that a page needs, by one import: this library, `tf`, tfjs's backends webgpu, wasm,
 *                           webgl and cpu, and tfjs's WebAssembly module
 *   tfjs-swint.esm.min.js   this library alone, with its kernels; takes @tensorflow/tfjs-core and -layers from an import map
 *
 * The first is there because tfjs has no module for pages that brings the wasm backend: the package's own imports `fs`. The
 * second is for pages that have tfjs already, which may come only once into a page.
 *
 * They lie as deep in the package as dist/src/, from where the addresses of the trained networks are counted.
 */
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';
import {build} from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const wasmPackage = dirname(
  createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'),
);

/** tfjs's build with threads is never the one that starts: minified, its workers throw for ever. */
const everything = `
  import * as tf from '@tensorflow/tfjs';
  import '@tensorflow/tfjs-backend-wasm';
  import '@tensorflow/tfjs-backend-webgpu';
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  export {tf};
  export * from './dist/src/index.js';`;

/** A module that starts tfjs's WebAssembly from bytes inside of it, where the stock one would fetch a file. */
function wasmFactory() {
  const binary = readFileSync(join(wasmPackage, 'dist/tfjs-backend-wasm-simd.wasm'));
  return `
    import factory from ${JSON.stringify(join(wasmPackage, 'wasm-out/tfjs-backend-wasm.js'))};
    const packed = '${gzipSync(binary, {level: 9}).toString('base64')}';
    async function unpack() {
      const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
      const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
      return new Response(unpacked).arrayBuffer();
    }
    export default async (settings) => factory({...settings, wasmBinary: await unpack()});`;
}

/** What tfjs's backend imports, by what stands in its place. */
const replacements = {
  '../wasm-out/tfjs-backend-wasm.js': wasmFactory,
  '../wasm-out/tfjs-backend-wasm-threaded-simd.js': () => 'export default undefined;',
  '../wasm-out/tfjs-backend-wasm-threaded-simd.worker.js': () => "export const wasmWorkerContents = '';",
};

const wasmInside = {
  name: 'wasm inside',
  setup({onResolve, onLoad}) {
    onResolve({filter: /^\.\.\/wasm-out\//}, ({path}) => {
      if (!(path in replacements))
        throw new Error(
          `build of dist/browser: ${path} must be one of ${Object.keys(replacements).join(', ')}.`,
        );
      return {path, namespace: 'wasm-inside'};
    });
    onLoad({filter: /.*/, namespace: 'wasm-inside'}, ({path}) => ({
      contents: replacements[path](),
      resolveDir: wasmPackage,
    }));
  },
};

const out = join(root, 'dist/browser');
mkdirSync(out, {recursive: true});

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  legalComments: 'linked',
  logLevel: 'warning',
};

await build({
  ...common,
  stdin: {contents: everything, resolveDir: root},
  plugins: [wasmInside],
  outfile: join(out, 'tfjs-swint.all.min.js'),
});
await build({
  ...common,
  entryPoints: ['dist/src/index.js'],
  external: ['@tensorflow/*'],
  outfile: join(out, 'tfjs-swint.esm.min.js'),
});
