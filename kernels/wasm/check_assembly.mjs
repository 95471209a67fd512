/**
 * Formats and lints the kernels (assembly/) with biome; part of `npm run check`. `--write` fixes what can be fixed.
 *
 * biome cannot parse AssemblyScript's decorators before functions, `@inline` and `@external(...)`. So it is given a copy
 * of the files in which these lines are comments, under the same paths and with the same configuration, and what it
 * changed comes back as it was.
 */
import {spawnSync} from 'node:child_process';
import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = 'kernels/wasm/assembly';
const write = process.argv.includes('--write');

/** Rewrites every source file of a folder. */
function rewrite(path, change) {
  for (const name of readdirSync(path, {recursive: true, encoding: 'utf8'})) {
    if (!name.endsWith('.ts')) continue;
    const file = join(path, name);
    const text = readFileSync(file, 'utf8');
    if (change(text) !== text) writeFileSync(file, change(text));
  }
}

const hide = (text) => text.replaceAll(/^@(?=inline$|external\()/gm, '//@');
const show = (text) => text.replaceAll(/^\/\/@(?=inline$|external\()/gm, '@');

const copy = mkdtempSync(join(tmpdir(), 'swint-assembly-'));
try {
  for (const name of [folder, '.gitignore']) cpSync(join(root, name), join(copy, name), {recursive: true});
  const configuration = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  configuration.files.includes = ['**']; // In the tree itself the folder is left out.
  writeFileSync(join(copy, 'biome.json'), JSON.stringify(configuration));
  rewrite(join(copy, folder), hide);
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
  const command = [biome, 'check', ...(write ? ['--write'] : []), folder];
  const {status} = spawnSync(process.execPath, command, {cwd: copy, stdio: 'inherit'});
  process.exitCode = status ?? 1;
  if (write) {
    rewrite(join(copy, folder), show);
    cpSync(join(copy, folder), join(root, folder), {recursive: true});
  }
} finally {
  rmSync(copy, {recursive: true});
}
