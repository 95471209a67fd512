/**
 * `sideEffects` of package.json: what bundlers may not drop. Each entry, imported for nothing but what it registers,
 * keeps every module that registers a class or a kernel.
 *
 * Works on `dist`, which `npm test` builds first.
 */

import {readdirSync, readFileSync, rmSync} from 'node:fs';
import {join, relative} from 'node:path';
import {expect} from 'chai';
import {build} from 'esbuild';
import {makeProject} from './project.js';

/** The modules under a folder of the installed package that register something as they are loaded. */
function registering(installed: string, folder: string): string[] {
  return readdirSync(join(installed, 'dist', folder), {recursive: true, encoding: 'utf8'})
    .filter((name) => name.endsWith('.js'))
    .map((name) => join('dist', folder, name))
    .filter((path) =>
      /^\S*(registerClass|registerKernels)\(/m.test(readFileSync(join(installed, path), 'utf8')),
    );
}

describe('sideEffects of package.json', () => {
  let project: string;
  let installed: string;

  before(() => {
    project = makeProject({});
    installed = join(project, 'node_modules/tfjs-swint');
  });

  after(() => rmSync(project, {recursive: true, force: true}));

  /** The modules of ours that are left of a program which imports one entry and uses nothing of it. */
  async function kept(entry: string): Promise<string[]> {
    const {metafile} = await build({
      stdin: {contents: `import '${entry}';`, resolveDir: project},
      absWorkingDir: project,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@tensorflow/*', 'sharp', 'commander', 'cli-progress', 'pngjs', 'jpeg-js', 'd3-scale'],
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const inputs = Object.entries(Object.values(metafile.outputs)[0]!.inputs);
    return inputs
      .filter(([, {bytesInOutput}]) => bytesInOutput > 0)
      .map(([path]) => relative(installed, join(project, path)));
  }

  const everything = ['kernels', 'layers', 'src/training'];
  for (const [entry, folders] of Object.entries({
    'tfjs-swint': everything,
    'tfjs-swint/node': everything,
    'tfjs-swint/architectures': ['kernels', 'layers'],
    'tfjs-swint/layers': ['kernels', 'layers'],
    'tfjs-swint/kernels': ['kernels'],
  })) {
    it(`keeps what ${entry} registers`, async () => {
      const modules = folders.flatMap((folder) => {
        const found = registering(installed, folder);
        expect(found, folder).to.not.deep.equal([]);
        return found;
      });
      expect(await kept(entry)).to.include.members(modules);
    });
  }

  it('keeps what tfjs-swint/image-recognition checks as it is imported', async () => {
    expect(await kept('tfjs-swint/image-recognition')).to.include('dist/src/image_recognition/one_core.js');
  });

  it('lets go of what only computes', async () => {
    expect(await kept('tfjs-swint')).to.not.include('dist/src/data/imagenet_labels.js');
  });
});
