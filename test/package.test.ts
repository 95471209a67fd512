/**
 * The package as people get it: packed by npm, installed into an empty project next to TensorFlow.js, and used there
 * from JavaScript in Node, from TypeScript, and bundled in a browser.
 *
 * Works on `dist`, which `npm test` builds first. Needs the npm registry (or npm's cache of it).
 */

import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import {type BuildFailure, type BuildResult, build} from 'esbuild';
import {inChromium, needsChromium, type ServedFile} from './helpers/chromium.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const {exports: packageExports} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
};
/** Every file that an entry names, for whatever platform. */
const entryFiles = Object.values(packageExports).flatMap((entry) =>
  typeof entry === 'string' ? [entry] : Object.values(entry),
);
/** tfjs-swint, tfjs-swint/node, ...: every entry with code to import; the script of a worker is one to run. */
const entries = Object.keys(packageExports)
  .filter((subpath) => !subpath.endsWith('.json') && subpath !== './worker/main')
  .map((subpath) => `tfjs-swint${subpath.slice(1)}`);
const browserEntries = entries.filter((entry) => entry !== 'tfjs-swint/node');

/** Runs a program and returns what it prints; a failure shows that in the test's message. */
function run(command: string, args: readonly string[], cwd: string): string {
  // What npm tells the script it runs (this one) would send the npm started here to our own folder.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|config_local_prefix)/.test(name),
    ),
  );
  try {
    // The limit ends one that hangs; each takes seconds where nothing else runs.
    const ends = {timeout: 600_000, killSignal: 'SIGKILL'} as const;
    return execFileSync(command, args, {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      ...ends,
    });
  } catch (error) {
    const {stdout, stderr} = error as {stdout: string; stderr: string};
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, {cause: error});
  }
}

/** A forward pass of a SwinT in place of a strided convolution, from NCHW [2, 8, 14, 14] to [2, 16, 7, 7]. */
const forward = `
  const layer = swinT({outChannels: 16, numHeads: 2, windowSize: 4, downsample: true});
  const x = tf.randomNormal([2, 8, 14, 14], 0, 1, 'float32', 7);
  const y = layer.apply(x) as tf.Tensor;
  const values = Array.from(await y.data());
  const result = {
    backend: tf.getBackend(),
    shape: y.shape,
    finite: values.every(Number.isFinite),
    constant: values.every((value) => value === values[0]),
    kernels: kernelsInUse() !== undefined,
  };`;
const forwardInJavaScript = forward.replace(' as tf.Tensor', '');
const expectedResult = {shape: [2, 16, 7, 7], finite: true, constant: false, kernels: true};

describe('the npm package', () => {
  let project: string;
  const installed = () => join(project, 'node_modules/tfjs-swint');
  const write = (name: string, text: string) => writeFileSync(join(project, name), text);
  const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);

  before('packs and installs', () => {
    if (!existsSync(join(root, 'dist/src/index.js'))) {
      throw new Error('package.test: dist must be built; it is not (npm run build).');
    }
    project = mkdtempSync(join(tmpdir(), 'swint-package-'));
    // Without scripts: prepack would build once more.
    run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], root);
    const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))!;
    write('package.json', JSON.stringify({name: 'an-application', private: true, type: 'module'}));
    const versionOf = (name: string) =>
      (
        JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as {
          version: string;
        }
      ).version;
    const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'].map(
      (name) => `${name}@${versionOf(name)}`,
    );
    run(
      'npm',
      [
        'install',
        `./${tarball}`,
        ...packages,
        '--prefer-offline',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--silent',
      ],
      project,
    );
  });

  after(() => {
    if (project) {
      rmSync(project, {recursive: true, force: true});
    }
  });

  it('holds compiled code and types, and neither sources nor tests', () => {
    for (const path of entryFiles) {
      expect(existsSync(join(installed(), path)), path).to.equal(true);
    }
    for (const entry of entryFiles.filter((path) => path.endsWith('.js'))) {
      expect(existsSync(join(installed(), entry.replace(/\.js$/, '.d.ts'))), entry).to.equal(true);
    }
    const names = readdirSync(installed(), {recursive: true, encoding: 'utf8'});
    expect(
      names.filter((name) => /(^|\/)(test|bench)(\/|$)|(?<!\.d)\.ts$|\.tsbuildinfo$/.test(name)),
    ).to.deep.equal([]);
    expect(names).to.include.members(['package.json', 'README.md', 'LICENSE']);
  });

  describe('in JavaScript in Node', () => {
    it('exports something from every entry', () => {
      write(
        'entries.js',
        `const counts = {};
         for (const entry of ${JSON.stringify(entries)}) counts[entry] = Object.keys(await import(entry)).length;
         console.log(JSON.stringify(counts));`,
      );
      const counts = lastLine(run(process.execPath, ['entries.js'], project)) as Record<string, number>;
      expect(Object.keys(counts)).to.deep.equal(entries);
      for (const [entry, count] of Object.entries(counts)) {
        expect(count, entry).to.be.greaterThan(0);
      }
    });

    for (const backend of ['cpu', 'wasm']) {
      it(`computes on ${backend}`, () => {
        write(
          'main.js',
          `import * as tf from '@tensorflow/tfjs';
           import {kernelsInUse, setupBackend, swinT} from 'tfjs-swint';
           await setupBackend('${backend}');
           ${forwardInJavaScript}
           console.log(JSON.stringify(result));`,
        );
        const result = lastLine(run(process.execPath, ['main.js'], project));
        expect(result).to.deep.equal({...expectedResult, backend});
      });
    }
  });

  // tfjs-node's native library is not on npm, so packages of the same names stand in for it.
  describe('with native TensorFlow', () => {
    const stand = (name: string, code: string) => {
      const path = join(project, 'node_modules/@tensorflow', name);
      mkdirSync(path, {recursive: true});
      writeFileSync(
        join(path, 'package.json'),
        JSON.stringify({name: `@tensorflow/${name}`, main: 'index.js'}),
      );
      writeFileSync(join(path, 'index.js'), code);
    };
    const broken = `throw new Error('libcudart.so.11.0: cannot open shared object file');`;
    const working = `const tf = require('@tensorflow/tfjs');
      tf.copyRegisteredKernels('cpu', 'tensorflow');
      const gpu = __dirname.endsWith('-gpu');
      const properties = {isGPUPackage: gpu, isUsingGpuDevice: gpu};
      tf.registerBackend('tensorflow', () => Object.assign(tf.findBackendFactory('cpu')(), properties), 3);`;

    const choose = (call: string) => {
      write(
        'native.js',
        `import {backendReport, setupBackend} from 'tfjs-swint';
         const answer = await ${call}.then(
           (backend) => ({backend, skipped: backendReport().skipped}),
           ({name, message, cause}) => ({name, message, cause: cause?.message}),
         );
         console.log(JSON.stringify(answer));`,
      );
      return lastLine(run(process.execPath, ['native.js'], project));
    };

    afterEach(() => {
      for (const name of ['tfjs-node-gpu', 'tfjs-node']) {
        rmSync(join(project, 'node_modules/@tensorflow', name), {recursive: true, force: true});
      }
    });

    it('is the first choice where it has a GPU', () => {
      stand('tfjs-node-gpu', working);
      expect(choose('setupBackend()')).to.deep.equal({backend: 'tensorflow', skipped: []});
    });

    it('falls back from the GPU package, which wants CUDA, to the other', () => {
      stand('tfjs-node-gpu', broken);
      stand('tfjs-node', working);
      expect(choose(`setupBackend('tensorflow')`)).to.deep.equal({backend: 'tensorflow', skipped: []});
    });

    it('says why when what is installed does not load', () => {
      stand('tfjs-node-gpu', broken);
      const {name, message, cause} = choose(`setupBackend('tensorflow')`);
      expect(name).to.equal('BackendError');
      expect(message).to.contain('@tensorflow/tfjs-node-gpu').and.to.contain('libcudart.so.11.0');
      expect(cause).to.contain('libcudart.so.11.0');
    });
  });

  describe('in TypeScript', () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const source = `
      import * as tf from '@tensorflow/tfjs';
      import {backendReport, kernelsInUse, setupBackend, swinT} from 'tfjs-swint';
      ${entries.map((entry, index) => `import * as entry${index} from '${entry}';`).join('\n')}
      const used: object[] = [${entries.map((_, index) => `entry${index}`).join(', ')}];
      const name: string = await setupBackend('cpu', {threads: 1});
      const model = tf.sequential();
      model.add(tf.layers.inputLayer({inputShape: [8, 14, 14]}));
      model.add(swinT({outChannels: 16, numHeads: 2, windowSize: 4}));
      // @ts-expect-error: heads are counted.
      const wrong = () => swinT({outChannels: 16, numHeads: 'two'});
      // @ts-expect-error: there is no such backend.
      const none = () => setupBackend('cuda');
      const device: string = backendReport().device;
      ${forward}
      console.log(JSON.stringify({...result, used: used.length, name, device, wrong, none}));`;

    const compile = (folder: string, options: object) => {
      const path = join(project, folder);
      mkdirSync(path, {recursive: true});
      writeFileSync(join(path, 'main.ts'), source);
      const compilerOptions = {
        target: 'ES2022',
        lib: ['ES2022', 'DOM'],
        strict: true,
        outDir: 'out',
        rootDir: '.',
        // What tfjs-swint/node tells of Node; an application on Node has them installed.
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
        ...options,
      };
      writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({compilerOptions, files: ['main.ts']}));
      return run(process.execPath, [tsc, '-p', path], project);
    };

    it('type-checks and runs with moduleResolution nodenext', () => {
      // tfjs 4.22's own typings need skipLibCheck.
      compile('nodenext', {module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: true});
      const result = lastLine(run(process.execPath, ['nodenext/out/main.js'], project));
      expect(result).to.deep.include({...expectedResult, backend: 'cpu', name: 'cpu', used: entries.length});
    });

    it('type-checks with moduleResolution bundler', () => {
      compile('bundler', {module: 'ESNext', moduleResolution: 'bundler', skipLibCheck: true, noEmit: true});
    });

    it('ships typings without errors of their own', () => {
      const options = {module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: false, noEmit: true};
      let printed = '';
      try {
        compile('libcheck', options);
      } catch (error) {
        printed = (error as Error).message;
      }
      const ours = printed.split('\n').filter((line) => line.includes('node_modules/tfjs-swint/'));
      expect(ours.join('\n')).to.equal('');
    });

    it('notices a program that is wrong', () => {
      const path = join(project, 'wrong');
      mkdirSync(path);
      writeFileSync(join(path, 'main.ts'), `import {swinT} from 'tfjs-swint'; swinT({numHeads: 'two'});`);
      const options = '--noEmit --module nodenext --skipLibCheck --strict'.split(' ');
      expect(() =>
        run(process.execPath, [tsc, ...options, '--ignoreConfig', join(path, 'main.ts')], project),
      ).to.throw(/numHeads|not assignable/);
    });
  });

  describe('in a browser', () => {
    const bundle = (entryNames: readonly string[], code: string) =>
      build({
        stdin: {
          contents: `${entryNames.map((name, k) => `import * as entry${k} from '${name}';`).join('\n')}
            globalThis.entries = [${entryNames.map((_, k) => `entry${k}`).join(', ')}];
            ${code}`,
          resolveDir: project,
          loader: 'js',
        },
        absWorkingDir: project,
        bundle: true,
        platform: 'browser',
        format: 'esm',
        target: 'es2022',
        write: false,
        metafile: true,
        logLevel: 'silent',
      });

    /** The packages that our files import in the bundle, and what of ours is in it. */
    const importsOfOurs = ({metafile}: BuildResult<{metafile: true}>) => {
      const ours = Object.entries(metafile.inputs).filter(([path]) =>
        path.includes('node_modules/tfjs-swint/'),
      );
      const paths = ours.flatMap(([, {imports}]) => imports.map(({path}) => path));
      const packages = paths.map((path) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path);
      return {files: ours.map(([path]) => path), packages: [...new Set(packages)].sort()};
    };

    it('bundles without anything of Node and without optional packages', async () => {
      const {files, packages} = importsOfOurs(await bundle(browserEntries, ''));
      expect(files).to.include('node_modules/tfjs-swint/dist/src/index.js');
      expect(packages).to.include('@tensorflow/tfjs-core');
      const universal = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', 'tfjs-swint'];
      expect(packages.filter((name) => !universal.includes(name))).to.deep.equal([]);
    });

    it('leaves out the names of ImageNet where nobody classifies', async () => {
      const textOf = async (code: string) => (await bundle([], code)).outputFiles[0]!.text;
      const classify = await textOf("import {classify} from 'tfjs-swint'; globalThis.used = classify;");
      expect(classify).to.include('toilet tissue');
      const layer = await textOf("import {swinT} from 'tfjs-swint'; globalThis.used = swinT;");
      expect(layer).to.include('SwinT').and.not.to.include('toilet tissue');
    });

    it('does not bundle the entry for Node, so that the test above can fail', async () => {
      const outcome = await bundle(['tfjs-swint/node'], '').then(
        (result) => `bundled: ${importsOfOurs(result).packages}`,
        ({errors}: BuildFailure) => errors.map(({text}) => text).join('\n'),
      );
      expect(outcome).to.match(/Could not resolve "node:/);
    });

    it('computes in headless Chromium', async function () {
      needsChromium(this);
      const {outputFiles} = await bundle(
        browserEntries,
        `import * as tf from '@tensorflow/tfjs';
         import {backendReport, kernelsInUse, setupBackend, swinT} from 'tfjs-swint';
         globalThis.finished = (async () => {
           const chosen = await setupBackend();
           const skipped = backendReport().skipped;
           ${forwardInJavaScript}
           return {...result, chosen, skipped: skipped.map(({backend}) => backend)};
         })();`,
      );
      const files = new Map<string, ServedFile>([
        ['/', {type: 'text/html', body: '<!doctype html><script type="module" src="/main.js"></script>'}],
        ['/main.js', {type: 'text/javascript', body: outputFiles[0]!.contents}],
      ]);
      const result = await inChromium(files, async (page, address) => {
        await page.goto(address, {waitUntil: 'load'});
        return page.evaluate(() => (globalThis as unknown as {finished: Promise<unknown>}).finished);
      });
      // The page imports cpu and webgl (both part of @tensorflow/tfjs); a software webgl is not taken unnamed.
      expect(result).to.deep.equal({
        ...expectedResult,
        backend: 'cpu',
        chosen: 'cpu',
        skipped: ['tensorflow', 'webgpu', 'wasm', 'webgl'],
      });
    });
  });
});
