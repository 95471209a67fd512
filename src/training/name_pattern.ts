/**
 * Patterns for the names of variables in the arguments of optimizers. They are saved with the optimizer's configuration,
 * which is JSON, as the source of a regular expression; so a pattern has no flags.
 */
import {showValue} from '../../kernels/common/show_value.js';
import {ConfigError} from '../errors.js';

/** A regular expression, or its source, for the names of variables; without flags. */
export type NamePattern = RegExp | string;

/** @throws ConfigError for what is no pattern. */
export function namePattern(who: string, name: string, pattern: NamePattern): RegExp {
  if (pattern instanceof RegExp && pattern.flags === '') return pattern;
  const source = typeof pattern === 'string' ? pattern : undefined;
  try {
    if (source !== undefined) return new RegExp(source);
  } catch {
    // Refused below, as everything else that is no pattern.
  }
  const got = pattern instanceof RegExp ? String(pattern) : showValue(pattern);
  throw new ConfigError(
    `${who}: ${name} must be a regular expression without flags, or its source; got ${got}.`,
  );
}

/**
 * The source of a pattern, for a configuration. tfjs turns every text of an optimizer's configuration into camel case when
 * it loads a model, so an underscore is written by its code.
 */
export function patternSource({source}: RegExp): string {
  const withoutUnderscore = (token: string) => (/^\\?_$/.test(token) ? '\\x5f' : token);
  // Escapes are tokens of two characters: the backslash of \\_ belongs to the one before it.
  return source.replace(/\\.|_/gs, withoutUnderscore);
}
