/** The settings of a run that goes on: those it began with, but for what decides nothing of what is learnt. */
import {optionName} from './options.js';
import {UsageError} from './usage_error.js';

/** Options which may be others than before. */
const FREE = ['backend', 'threads', 'checkpointSeconds'] as const;

/** What the settings of any run know. */
type RunSettings = Record<(typeof FREE)[number], unknown>;

/**
 * @param saved the run's settings.
 * @param now those of the command line.
 * @param given the names of the options that are on the command line.
 * @param keys the key of an option in the settings, where that is another than its name.
 * @throws UsageError where one of them says other than the run's settings.
 */
export function keptSettings<Settings extends RunSettings>(
  saved: Settings,
  now: Settings,
  given: readonly string[],
  keys: Readonly<Record<string, string>> = {},
): Settings {
  const settings = {...saved};
  if (now.checkpointSeconds === 0) {
    throw new UsageError('train: with --resume, --checkpoint-seconds must be above 0; got 0 (leave it out).');
  }
  for (const name of given) {
    if (name === 'resume') continue;
    const key = (keys[name] ?? name) as keyof Settings;
    if (FREE.includes(name as (typeof FREE)[number])) {
      settings[key] = now[key];
      continue;
    }
    const [before, after] = [saved[key], now[key]].map((value) => JSON.stringify(value));
    if (before === after) continue;
    throw new UsageError(
      `train: with --resume, --${optionName(name)} must be as in the run, ${before}; got ${after} (leave it out, or train ` +
        'anew with another --out).',
    );
  }
  return settings;
}
