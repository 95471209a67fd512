/** What tests of saving share: a folder and models for each test, a disk that is soon full, a process that is killed. */
import {type ChildProcess, execFile} from 'node:child_process';
import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {promisify} from 'node:util';
import type * as tf from '@tensorflow/tfjs';

const execute = promisify(execFile);

/** Makes a folder before each test of the enclosing `describe`; removes it and disposes the models after it. */
export function folderAndModels(): {root: () => string; made: <T extends tf.LayersModel>(model: T) => T} {
  let root = '';
  const models: tf.LayersModel[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'swint-saving-'));
  });
  afterEach(async () => {
    await rm(root, {recursive: true, force: true});
    for (const model of models.splice(0)) model.dispose();
  });
  const made = <T extends tf.LayersModel>(model: T): T => {
    models.push(model);
    return model;
  };
  return {root: () => root, made};
}

/**
 * Runs `use` with a real disk of that size at a folder that is not there yet.
 *
 * @returns false where this user may not mount one; `use` has not run then.
 */
export async function withSmallDisk(dir: string, size: string, use: () => Promise<void>): Promise<boolean> {
  await mkdir(dir);
  const mounted = await execute('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]).then(
    () => true,
    () => false,
  );
  if (!mounted) return false;
  try {
    await use();
    return true;
  } finally {
    await execute('umount', [dir]);
  }
}

/** Kills a process some milliseconds after its first output, where it has not ended before. @returns its exit status. */
export async function killAfter(child: ChildProcess, milliseconds: number): Promise<unknown> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  await Promise.race([ended, new Promise((resolve) => child.stdout!.once('data', resolve))]);
  await pause(milliseconds);
  child.kill('SIGKILL');
  return ended;
}
