import {mkdir} from 'node:fs/promises';
import {ConfigError} from '../errors.js';

/**
 * Makes the folder of --out before anything is computed, so that a place that cannot be written to is known at once.
 *
 * @throws ConfigError, in the name of the command.
 */
export async function makeOutput(command: string, dir: string): Promise<void> {
  try {
    await mkdir(dir, {recursive: true});
  } catch (error) {
    throw new ConfigError(
      `${command}: --out must be a directory that can be made; got ${dir}: ${(error as Error).message}.`,
      {cause: error},
    );
  }
}
