/**
 * Compiles the kernels, assembly/*.ts (AssemblyScript), into runtime/binary.ts, from which runtime/module.ts loads them: once for SIMD as
 * every engine has it, once with the fused multiply-add of relaxed SIMD. Part of `npm run build`.
 *
 * The modules import their memory, that of tfjs's own module, and hold no data of their own: `--runtime stub` and no
 * literal that AssemblyScript would keep in memory.
 */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../..', import.meta.url));
const output = fileURLToPath(new URL('runtime/binary.ts', import.meta.url));

/** One page is what an importer has to ask for at least, 65536 what tfjs's memory may grow to. */
const options = [
  ...['--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--optimizeLevel', '3', '--noAssert', '--use', 'abort='],
];

async function compile(features) {
  const folder = mkdtempSync(join(tmpdir(), 'swint-build-'));
  try {
    const file = join(folder, 'kernels.wasm');
    const {error, stderr} = await asc.main(
      ['kernels/wasm/assembly/index.ts', '--outFile', file, '--enable', features, ...options],
      {},
    );
    if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
    return readFileSync(file).toString('base64');
  } finally {
    rmSync(folder, {recursive: true});
  }
}

process.chdir(root);
const text = `/** Made by build.mjs from assembly/: WebAssembly modules, base64. */
export const SIMD = '${await compile('simd,threads')}';
export const RELAXED_SIMD = '${await compile('simd,relaxed-simd,threads')}';
`;
writeFileSync(output, text);
