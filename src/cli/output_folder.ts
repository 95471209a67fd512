import {mkdir, mkdtemp, rmdir} from 'node:fs/promises';
import {join} from 'node:path';
import {ConfigError} from '../errors.js';

/**
 * Makes the folder of --out before anything is computed, so that a place that cannot be written to is known at once.
 *
 * @throws ConfigError, in the name of the command.
 */
export async function makeOutput(command: string, dir: string): Promise<void> {
  try {
    await mkdir(dir, {recursive: true});
    // Permissions alone do not tell: the disk may be read-only.
    await rmdir(await mkdtemp(join(dir, '.swint-')));
  } catch (error) {
    throw new ConfigError(
      `${command}: --out must be a folder that can be made and written to; got ${dir}: ${(error as Error).message}.`,
      {cause: error},
    );
  }
}
