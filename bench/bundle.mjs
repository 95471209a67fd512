/**
 * `npm run bench:bundle -- FILE.tar.gz`: one archive for a GPU host that has neither network nor npm. In it are this node,
 * the library and what it needs in one file, Dawn for this platform, and the PyTorch script. On the host:
 *
 *     tar xzf FILE.tar.gz && cd swint-bench
 *     ./run.sh                     correctness, then the benchmark; report in bench.json
 *     python3 torch_pair.py        the peer, where PyTorch is
 *
 * run.sh hands its arguments to the benchmark: ./run.sh --batches 1,8,32 --repeats 7.
 */
import {execFileSync} from 'node:child_process';
import {chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const [target] = process.argv.slice(2);
if (!target?.endsWith('.tar.gz')) {
  throw new Error(
    `bench:bundle: the argument must be a file that ends in .tar.gz; got ${target ?? 'nothing'}`,
  );
}

const scratch = mkdtempSync(join(tmpdir(), 'swint-bundle-'));
try {
  const folder = join(scratch, 'swint-bench');
  const dawn = join('node_modules', 'webgpu');
  const platform = `${process.platform}-${process.arch}`;
  mkdirSync(join(folder, dawn, 'dist'), {recursive: true});
  await build({
    entryPoints: [join(root, 'bench', 'gpu_host.ts')],
    outfile: join(folder, 'gpu_host.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['webgpu', 'onnxruntime-web', 'onnxruntime-common', 'sharp'],
    // CommonJS packages in the bundle ask for require.
    banner: {
      js: "import {createRequire} from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  for (const file of ['package.json', 'index.js'])
    copyFileSync(join(root, dawn, file), join(folder, dawn, file));
  cpSync(join(root, dawn, 'dist', platform), join(folder, dawn, 'dist', platform), {recursive: true});
  copyFileSync(process.execPath, join(folder, 'node'));
  copyFileSync(join(root, 'bench', 'torch_pair.py'), join(folder, 'torch_pair.py'));
  writeFileSync(
    join(folder, 'run.sh'),
    '#!/bin/sh\nset -e\ncd "$(dirname "$0")"\n./node gpu_host.mjs check\n./node gpu_host.mjs bench --json bench.json "$@"\n',
  );
  chmodSync(join(folder, 'run.sh'), 0o755);
  execFileSync('tar', ['-czf', resolve(target), '-C', scratch, 'swint-bench']);
} finally {
  rmSync(scratch, {recursive: true, force: true});
}
console.log(target);
