/**
 * Arguments by name: an object with a name that nobody reads is one error, which suggests the right name.
 *
 *     SwinT(stage2): arguments must be among those that it takes; got windowsize (try windowSize).
 *
 * The known names stand in a table beside the interface of the arguments, `{...} satisfies ArgumentNames<Args>`, so that
 * TypeScript refuses a table that lacks one or has one too many.
 */
import {ConfigError} from './errors.js';
import {showValue} from './show_value.js';

/** A table of the names of these arguments. */
export type ArgumentNames<Args> = Readonly<Record<keyof Args, true>>;

/** What to do instead of giving an argument that other libraries have, by its name. */
export type ArgumentHints = Readonly<Record<string, string>>;

/**
 * Throws ConfigError unless `args` is an object all of whose names are known. A name whose value is undefined is not given.
 *
 * @param known Table of the names.
 * @param hints What to say of certain unknown names; the others get the known name that is most like them.
 */
export function checkArguments(
  who: string,
  args: unknown,
  known: Readonly<Record<string, true>>,
  hints: ArgumentHints = {},
): void {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw new ConfigError(`${who}: the arguments must be an object; got ${showValue(args)}.`);
  }
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  const unknown = given.map(([name]) => name).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  const names = Object.keys(known);
  const fixes = unknown.map((name) => {
    const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
    const like = hint === undefined ? mostLike(name, names) : undefined;
    return hint ?? (like && `try ${like}`);
  });
  const fix = [...new Set(fixes.filter((one) => one !== undefined))].join('; ');
  throw new ConfigError(
    `${who}: arguments must be among those that it takes; got ${unknown.join(', ')} ` +
      `(${fix || `it takes ${names.join(', ')}`}).`,
  );
}

/**
 * The known name that was probably meant: equal but for upper case, a few letters away, or one that holds the other, as
 * numHeads holds heads; undefined where none is near.
 */
function mostLike(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll('_', '');
  const given = plain(name);
  const near = known
    .map((one) => ({one, distance: editDistance(given, plain(one)), limit: Math.floor(one.length / 3)}))
    .filter(({distance, limit}) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  if (near.length > 0) return near[0].one;
  const holds = (outer: string, inner: string) => inner.length >= 4 && outer.includes(inner);
  return known.find((one) => holds(plain(one), given) || holds(given, plain(one)));
}

/** How many letters must be put in, taken out or changed to make one text of the other (Levenshtein 1966). */
function editDistance(from: string, to: string): number {
  let row = Array.from({length: to.length + 1}, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
