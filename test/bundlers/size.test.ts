/**
 * What the library weighs, minified and compressed by gzip. The README's table says so, and what it says is the limit: a file
 * may weigh no more; and less than nine tenths of it only once the table says so.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';
import {expect} from 'chai';
import {build} from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A program that uses nothing else of the library, bundled; tfjs itself does not count. */
async function bundled(program: string): Promise<Uint8Array> {
  const {outputFiles} = await build({
    stdin: {contents: program, resolveDir: root},
    bundle: true,
    minify: true,
    splitting: true,
    outdir: '/out',
    format: 'esm',
    target: 'es2022',
    external: ['@tensorflow/*'],
    write: false,
    logLevel: 'silent',
  });
  return outputFiles.find(({path}) => path.endsWith('/stdin.js'))!.contents;
}

const file = async (name: string) => readFileSync(join(root, 'dist/browser', name));

/** How each row of the README's table is made. */
const made: Record<string, () => Promise<Uint8Array>> = {
  '`swinT` of `tfjs-swint/layers`': () => bundled("export {swinT} from './dist/layers/index.js';"),
  '`swinT` and `setupBackend`': () => bundled("export {setupBackend, swinT} from './dist/src/index.js';"),
  'everything: `tfjs-swint.esm.min.js`': () => file('tfjs-swint.esm.min.js'),
  'everything and tfjs: `tfjs-swint.all.min.js`': () => file('tfjs-swint.all.min.js'),
};

/** The rows of the README's table: kB by what they are of. */
function stated(): Map<string, number> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, rows] = /\| imported \| kB, gzip \|\n\| --- \| --- \|\n((?:\|.*\|\n)+)/.exec(readme)!;
  return new Map(
    rows!
      .trim()
      .split('\n')
      .map((row) => row.split('|').slice(1, 3))
      .map(([what, kB]) => [what!.trim(), Number(kB)]),
  );
}

describe('the size in the README', () => {
  it('is there of everything that is measured', () => {
    expect([...stated().keys()]).to.deep.equal(Object.keys(made));
  });

  for (const [what, make] of Object.entries(made)) {
    it(`holds for ${what}`, async () => {
      const kB = gzipSync(await make(), {level: 9}).length / 1000;
      const limit = stated().get(what)!;
      expect(kB, `kB of ${what}: the limit is the README's`).to.be.at.most(limit);
      expect(kB, `kB of ${what}: the README says more than it is`).to.be.above(0.9 * limit);
    });
  }
});
