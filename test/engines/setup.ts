/**
 * `npm run setup:engines`: what the tests of other engines run on, from packages of npm and of Debian.
 *
 *     Node, Deno, Bun    the packages of npm that hold the programs
 *     Firefox            Debian's firefox-esr and those of its libraries that this machine lacks, unpacked; nothing is
 *                        installed on the system, and no rights are needed
 *
 * Linux on x64. Each that cannot be had is named with the reason, the others are installed; the exit status is then 1.
 */

import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {cache, ENGINES, engineProgram, firefoxFolder} from './engines.js';

const run = (command: string, args: readonly string[], cwd = cache) =>
  execFileSync(command, args, {cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']});

/** All of them at once: npm removes what its call does not name. */
function installPrograms() {
  const packages = Object.entries(ENGINES).map(([name, engine]) => `${name}@npm:${engine.package}`);
  writeFileSync(join(cache, 'package.json'), '{"private": true}');
  // The program alone: a script could fetch something else.
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages]);
  for (const name of Object.keys(ENGINES)) run(engineProgram(name), ['--version']);
}

/** Unpacks into a folder of its own, which gets its name once it is whole. */
function unpackFirefox() {
  const scratch = mkdtempSync(join(cache, 'firefox-'));
  try {
    const plan = run('apt-get', ['--simulate', 'install', '--no-install-recommends', 'firefox-esr']);
    const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);
    // Where Firefox is installed it may not be up to date; its own package is unpacked all the same.
    run('apt-get', ['download', ...new Set([...packages, 'firefox-esr'])], scratch);
    const unpacked = join(scratch, 'unpacked');
    for (const file of readdirSync(scratch).filter((name) => name.endsWith('.deb'))) {
      run('dpkg', ['-x', join(scratch, file), unpacked]);
    }
    rmSync(firefoxFolder, {recursive: true, force: true});
    renameSync(unpacked, firefoxFolder);
  } finally {
    rmSync(scratch, {recursive: true, force: true});
  }
}

const steps: [title: string, install: () => void, programs: string[]][] = [
  ['Node, Deno and Bun', installPrograms, Object.keys(ENGINES).map(engineProgram)],
  ['Firefox', unpackFirefox, [join(firefoxFolder, 'usr/lib/firefox-esr/firefox-esr')]],
];

mkdirSync(cache, {recursive: true});
for (const [title, install, programs] of steps) {
  try {
    if (!programs.every((program) => existsSync(program))) install();
    console.log(`setup:engines: ${title}: installed in ${cache}.`);
  } catch (error) {
    const {stderr, message} = error as Error & {stderr?: string};
    const why = (stderr || message).trim();
    console.error(`setup:engines: ${title} must be installable; got: ${why}`);
    process.exitCode = 1;
  }
}
