import {ConfigError} from '../errors.js';

/** A command line that cannot be understood; the program then exits with code 2. */
export class UsageError extends ConfigError {
  override name = 'UsageError';
}
