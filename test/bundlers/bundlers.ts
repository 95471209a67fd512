/**
 * Production builds, minified, as each bundler makes them without any configuration that is not needed: pages
 * `<name>.html` of a project into a folder.
 */

import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import commonjs from '@rollup/plugin-commonjs';
import {nodeResolve} from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import {build as esbuild} from 'esbuild';
import {rollup} from 'rollup';
import {build as vite} from 'vite';
import webpack from 'webpack';
import {html} from './project.js';

/** Bundles the pages of a project into the folder `out`. */
type Bundler = (project: string, pages: readonly string[], out: string) => Promise<void>;

const entriesOf = (project: string, pages: readonly string[], ending = 'js') =>
  Object.fromEntries(pages.map((page) => [page, join(project, `${page}.${ending}`)]));

function writePages(pages: readonly string[], out: string): void {
  for (const page of pages) writeFileSync(join(out, `${page}.html`), html([`./${page}.js`]));
}

const withVite: Bundler = async (project, pages, out) => {
  await vite({
    root: project,
    base: './',
    configFile: false,
    logLevel: 'error',
    build: {outDir: out, rollupOptions: {input: entriesOf(project, pages, 'html')}},
  });
};

const withWebpack: Bundler = async (project, pages, out) => {
  const compiler = webpack({
    mode: 'production',
    context: project,
    entry: entriesOf(project, pages),
    output: {path: out, publicPath: '/'},
    performance: {hints: false},
    // What the pages share is bundled and minified once.
    optimization: {splitChunks: {chunks: 'all', name: 'shared'}},
  })!;
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  if (stats?.hasErrors()) throw new Error(stats.toString({all: false, errors: true}));
  for (const page of pages) {
    writeFileSync(join(out, `${page}.html`), html(['./shared.js', `./${page}.js`], 'text/javascript'));
  }
};

/** The plugins' typings are those of CommonJS modules; what is imported is the function itself. */
const callable = <T>(plugin: {default: T}) => plugin as unknown as T;

const withRollup: Bundler = async (project, pages, out) => {
  const bundle = await rollup({
    input: entriesOf(project, pages),
    plugins: [nodeResolve({browser: true}), callable(commonjs)(), callable(terser)({maxWorkers: 1})],
    onwarn: () => undefined,
  });
  await bundle.write({dir: out, format: 'es'});
  await bundle.close();
  writePages(pages, out);
};

const withEsbuild: Bundler = async (project, pages, out) => {
  await esbuild({
    absWorkingDir: project,
    entryPoints: entriesOf(project, pages),
    outdir: out,
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
  });
  writePages(pages, out);
};

export const bundlers: Record<string, Bundler> = {
  Vite: withVite,
  webpack: withWebpack,
  Rollup: withRollup,
  esbuild: withEsbuild,
};
