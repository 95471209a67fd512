/**
 * An application's project folder for the tests of bundlers: pages, and a node_modules in which tfjs-swint is a copy of
 * what npm would install (`dist` and package.json), because bundlers judge a linked package by another folder. The
 * packages beside it are links.
 */

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {extname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {pretrainedModels} from '../../src/pretrained_models.js';
import type {ServedFile} from '../helpers/chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The package.json of a package that is installed here; default our own. */
const packageOf = (name?: string) =>
  JSON.parse(readFileSync(join(root, name ? `node_modules/${name}` : '.', 'package.json'), 'utf8'));

/**
 * The pages are `/<name>.html`, and each runs its program.
 *
 * @param copied packages that are copies too: a development server gives no file from outside of the project.
 */
export function makeProject(
  programs: Record<string, string>,
  {copied = []}: {copied?: readonly string[]} = {},
): string {
  if (!existsSync(join(root, 'dist/src/index.js'))) {
    throw new Error('test/bundlers: dist must be built; it is not (npm run build).');
  }
  const project = mkdtempSync(join(tmpdir(), 'swint-bundlers-'));
  const installed = join(project, 'node_modules/tfjs-swint');
  mkdirSync(installed, {recursive: true});
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  cpSync(join(root, 'dist'), join(installed, 'dist'), {recursive: true});
  // Bundlers look for the files of the trained networks; what is in them matters to one test, which writes its own.
  for (const name of Object.keys(pretrainedModels)) {
    const folder = join(installed, 'pretrained', name);
    mkdirSync(folder, {recursive: true});
    for (const file of ['model.json', 'weights.bin']) writeFileSync(join(folder, file), '{}');
  }
  const {dependencies, peerDependencies} = packageOf();
  const needed = copied.map((name) => packageOf(name).dependencies);
  for (const name of Object.keys(Object.assign({}, dependencies, peerDependencies, ...needed))) {
    const from = join(root, 'node_modules', name);
    const to = join(project, 'node_modules', name);
    if (!existsSync(from)) continue;
    mkdirSync(join(to, '..'), {recursive: true});
    if (copied.includes(name)) cpSync(from, to, {recursive: true});
    else symlinkSync(from, to);
  }
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({name: 'pages', private: true, type: 'module'}),
  );
  for (const [name, program] of Object.entries(programs)) {
    writeFileSync(join(project, `${name}.js`), program);
    writeFileSync(join(project, `${name}.html`), html([`./${name}.js`]));
  }
  return project;
}

/** A page that runs scripts. */
export function html(scripts: readonly string[], type = 'module'): string {
  const tags = scripts.map((src) => `<script type="${type}" src="${src}"></script>`).join('');
  return `<!doctype html><head></head><body>${tags}</body>`;
}

const types: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Every file in a folder, as a server has it: by its path from there. */
export function filesIn(folder: string): Map<string, ServedFile> {
  const paths = readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    paths.map((path) => [
      `/${relative(folder, path)}`,
      {type: types[extname(path)] ?? 'application/octet-stream', body: readFileSync(path)},
    ]),
  );
}
