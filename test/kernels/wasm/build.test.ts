/** kernels/wasm/build.mjs with a compiler made for it: when it compiles, what it makes, and what a failed build leaves. */

import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';

type Compiler = (folder: string, features: string) => Promise<{binary: Buffer; description: string}>;

const {buildKernels} = (await import(new URL('../../../kernels/wasm/build.mjs', import.meta.url).href)) as {
  buildKernels(folder: string, compiler: Compiler): Promise<boolean>;
};

/** As the AssemblyScript compiler writes it. */
const describeExports = (parameters: string, result: string) => `declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/kernels/twice/twice
   * @param x \`f32\`
   * @returns \`f32\`
   */
  export function twice(${parameters}): ${result};
  /**
   * assembly/threads/serve
   */
  export function serve(): void;
}
`;

describe('the build of the wasm kernels', () => {
  let folder: string;
  let compiled: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'swint-kernels-'));
    mkdirSync(join(folder, 'assembly/kernels'), {recursive: true});
    mkdirSync(join(folder, 'runtime'));
    writeFileSync(join(folder, 'assembly/index.ts'), `export {twice} from './kernels/twice';`);
    writeFileSync(join(folder, 'assembly/kernels/twice.ts'), 'one');
    compiled = [];
  });
  afterEach(() => rmSync(folder, {recursive: true}));

  /** Tells what it was asked for, and makes of a module the text of its source. */
  const compiler: Compiler = async (from, features) => {
    compiled.push(features);
    const source = readFileSync(join(from, 'assembly/kernels/twice.ts'), 'utf8');
    return {
      binary: Buffer.from(`${source} ${features}`),
      description: describeExports('x: number, positive: boolean', 'number'),
    };
  };
  const build = (by = compiler) => buildKernels(folder, by);
  const read = (name: string) => readFileSync(join(folder, 'runtime', name), 'utf8');
  const made = () =>
    Object.fromEntries(readdirSync(join(folder, 'runtime')).map((name) => [name, read(name)]));

  it('makes two modules, and the type of their exports: parameters by name, bool as a number', async () => {
    expect(await build()).to.equal(true);
    expect(compiled).to.deep.equal(['simd,threads', 'simd,relaxed-simd,threads']);
    expect(Object.keys(made())).to.deep.equal(['binary.ts', 'kernel_exports.ts']);
    const modules = ['one simd,threads', 'one simd,relaxed-simd,threads'].map((text) => Buffer.from(text));
    expect(read('binary.ts')).to.contain(`
export const BYTES: readonly [number, number] = [${modules.map(({length}) => length).join(', ')}];
export const DIGITS = '${Buffer.concat(modules).toString('hex')}';
`);
    expect(read('kernel_exports.ts')).to.contain(`
export interface KernelExports {
  /** assembly/kernels/twice.ts */
  twice(x: number, positive: number): number;
  /** assembly/threads.ts */
  serve(): void;
}
`);
  });

  it('writes longer modules in blocks, a block of each in turn', async () => {
    const lengths: Record<string, number> = {
      'simd,threads': 4096 + 2,
      'simd,relaxed-simd,threads': 2 * 4096 + 1,
    };
    const fills: Record<string, number> = {'simd,threads': 0x1f, 'simd,relaxed-simd,threads': 0xa0};
    await build(async (from, features) => ({
      ...(await compiler(from, features)),
      binary: Buffer.alloc(lengths[features]!, fills[features]),
    }));
    const digits = /DIGITS = '(\w+)'/.exec(read('binary.ts'))![1]!;
    const runs = [...digits.matchAll(/(1f)+|(a0)+/g)].map(([run]) => [run.slice(0, 2), run.length / 2]);
    expect(runs).to.deep.equal([
      ['1f', 4096],
      ['a0', 4096],
      ['1f', 2],
      ['a0', 4097],
    ]);
  });

  it('compiles nothing where nothing has changed', async () => {
    await build();
    const before = made();
    compiled = [];
    expect(await build()).to.equal(false);
    expect(compiled).to.deep.equal([]);
    expect(made()).to.deep.equal(before);
  });

  const changes: Record<string, () => void> = {
    'a source changes': () => writeFileSync(join(folder, 'assembly/kernels/twice.ts'), 'two'),
    'a source comes': () => writeFileSync(join(folder, 'assembly/kernels/more.ts'), ''),
    'a source goes': () => rmSync(join(folder, 'assembly/index.ts')),
    'the modules are gone': () => rmSync(join(folder, 'runtime/binary.ts')),
    'the type is gone': () => rmSync(join(folder, 'runtime/kernel_exports.ts')),
    'the type is of other sources': () => writeFileSync(join(folder, 'runtime/kernel_exports.ts'), '// Old.'),
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`compiles again when ${what}`, async () => {
      await build();
      change();
      expect(await build()).to.equal(true);
      expect(compiled).to.have.length(4);
      expect(Object.keys(made())).to.deep.equal(['binary.ts', 'kernel_exports.ts']);
      expect(await build()).to.equal(false);
    });
  }

  const failures: Record<string, [Compiler, string]> = {
    'the compiler fails': [() => Promise.reject(new Error('TS2304')), 'TS2304'],
    'the second module fails': [
      (from, features) =>
        features.includes('relaxed') ? Promise.reject(new Error('TS1')) : compiler(from, features),
      'TS1',
    ],
    'an export takes a 64-bit integer': [
      async () => ({binary: Buffer.alloc(0), description: describeExports('x: bigint', 'void')}),
      'twice must take and return numbers; got (x: bigint): void',
    ],
    'the description is none that can be read': [
      async () => ({binary: Buffer.alloc(0), description: 'export function twice(x: number): void;'}),
      '1 exports must be read; got 0',
    ],
  };
  for (const [what, [failing, message]] of Object.entries(failures)) {
    it(`leaves what it had made when ${what}, and tries again`, async () => {
      await build();
      const before = made();
      writeFileSync(join(folder, 'assembly/kernels/twice.ts'), 'two');
      const error = await build(failing).then(
        () => 'none',
        (reason: Error) => reason.message,
      );
      expect(error).to.contain(message);
      expect(made()).to.deep.equal(before);
      expect(await build()).to.equal(true);
    });
  }
});
