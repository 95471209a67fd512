/**
 * Compiles the kernels, assembly/ (AssemblyScript), part of `npm run build`. Makes two files beside the code that loads
 * them (runtime/module.ts), neither of them in git:
 *
 *   runtime/binary.ts          the module twice: for SIMD as every engine has it, and with the fused multiply-add of
 *                              relaxed SIMD
 *   runtime/kernel_exports.ts  the type of what it exports, from the compiler's own description
 *
 * The modules import their memory, that of tfjs's own module, and hold no data of their own: `--runtime stub` and no
 * literal that AssemblyScript would keep in memory.
 *
 * Both files begin with a digest of everything that they are made from. Where it is the same nothing is compiled. They
 * are written under another name and renamed, so a build that fails leaves the old ones.
 */
import {createHash} from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const self = fileURLToPath(import.meta.url);

/** One page is what an importer has to ask for at least, 65536 what tfjs's memory may grow to. */
const options = [
  ...['--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--optimizeLevel', '3', '--noAssert', '--use', 'abort=', '--bindings', 'raw'],
];

/** SHA-256 of the sources, of this file and of the compiler's version. */
function digestOf(folder) {
  const hash = createHash('sha256');
  hash.update(createRequire(self)('assemblyscript/package.json').version);
  hash.update(readFileSync(self));
  const sources = join(folder, 'assembly');
  const names = readdirSync(sources, {recursive: true, encoding: 'utf8'}).map((name) =>
    name.replaceAll('\\', '/'),
  );
  for (const name of names.filter((name) => name.endsWith('.ts')).sort()) {
    hash.update(`\n${name}\n`);
    hash.update(readFileSync(join(sources, name)));
  }
  return hash.digest('hex');
}

/** The module's bytes, and the compiler's description of its exports. */
async function compile(folder, features) {
  const {default: asc} = await import('assemblyscript/asc');
  const temporary = mkdtempSync(join(tmpdir(), 'swint-build-'));
  try {
    const file = join(temporary, 'kernels.wasm');
    const {error, stderr} = await asc.main(
      ['assembly/index.ts', '--baseDir', folder, '--outFile', file, '--enable', features, ...options],
      {},
    );
    if (error) throw new Error(`build of the kernels: ${error.message}\n${stderr.toString()}`);
    if (stderr.toString() !== '') console.warn(stderr.toString());
    return {
      binary: readFileSync(file),
      description: readFileSync(join(temporary, 'kernels.d.ts'), 'utf8'),
    };
  } finally {
    rmSync(temporary, {recursive: true});
  }
}

/** Bytes of a block of a module in binary.ts; runtime/unpack_binary.ts tells why there are blocks. */
const BLOCK_BYTES = 4096;

/** Both modules as hexadecimal digits, a block of each in turn. */
function interleaved(binaries) {
  let digits = '';
  for (let start = 0; start < Math.max(...binaries.map(({length}) => length)); start += BLOCK_BYTES) {
    for (const binary of binaries) digits += binary.subarray(start, start + BLOCK_BYTES).toString('hex');
  }
  return digits;
}

/** An interface of what a module exports. JavaScript passes a bool as the number 0 or 1. */
function exportsInterface(description) {
  const functions = [
    ...description.matchAll(/^ +\* (\S+)\/\w+$[^/]*\*\/\s+export function (\w+)\((.*)\): (\w+);$/gm),
  ];
  const members = functions.map(([, file, name, parameters, result]) => {
    const numbers = parameters.replaceAll('boolean', 'number');
    if (/: (?!number\b)/.test(numbers) || !['number', 'void'].includes(result)) {
      throw new Error(
        `build of the kernels: ${name} must take and return numbers; got (${parameters}): ${result}`,
      );
    }
    const oneLine = `  ${name}(${numbers}): ${result};`;
    const lines =
      oneLine.length <= 110 ? oneLine : oneLine.replace(/[(]|, /g, '$&\n    ').replace(')', ',\n  )');
    return `  /** ${file}.ts */\n${lines}\n`;
  });
  const exported = description.match(/export function/g)?.length ?? 0;
  if (members.length === 0 || members.length !== exported) {
    throw new Error(`build of the kernels: ${exported} exports must be read; got ${members.length}`);
  }
  return `export interface KernelExports {\n${members.join('')}}\n`;
}

/**
 * Brings runtime/binary.ts and runtime/kernel_exports.ts of a folder up to date with its assembly/.
 *
 * @param compiler takes the folder and features, as `compile` does; another one for tests.
 * @returns whether anything had to be compiled.
 * @throws Error with the compiler's messages; both files are then as they were.
 */
export async function buildKernels(folder, compiler = compile) {
  const head = `// Made by build.mjs from assembly/. Digest: ${digestOf(folder)}\n`;
  const outputs = ['binary.ts', 'kernel_exports.ts'].map((name) => join(folder, 'runtime', name));
  if (outputs.every((file) => readIfThere(file).startsWith(head))) return false;
  const simd = await compiler(folder, 'simd,threads');
  const relaxed = await compiler(folder, 'simd,relaxed-simd,threads');
  const texts = [
    `/** The WebAssembly modules as text; see unpack_binary.ts. */
export const BLOCK_BYTES = ${BLOCK_BYTES};
export const BYTES: readonly [number, number] = [${simd.binary.length}, ${relaxed.binary.length}];
export const DIGITS = '${interleaved([simd.binary, relaxed.binary])}';
`,
    `/** The functions of the kernels as JavaScript sees them. Addresses and counts are numbers. */
${exportsInterface(simd.description)}`,
  ];
  const temporary = outputs.map((file) => `${file}.${process.pid}.new`);
  try {
    for (const [i, file] of temporary.entries()) writeFileSync(file, head + texts[i]);
    for (const [i, file] of temporary.entries()) renameSync(file, outputs[i]);
  } finally {
    for (const file of temporary) rmSync(file, {force: true});
  }
  return true;
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === self) {
  await buildKernels(fileURLToPath(new URL('.', import.meta.url)));
}
