/**
 * The pictures that a command line names: files, folders (every picture in them, not in folders below), and patterns with *
 * and ?, which Windows' shells leave as they are. URLs are not pictures here.
 */
import {readdir, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {DataError} from '../errors.js';
import {decodableNames} from '../node/image_file.js';

/** What `tfjs-swint predict` writes beside a picture; it is no picture to predict. */
export const OVERLAY_ENDING = '.overlay.png';

/**
 * @param given One argument.
 * @returns The paths of the pictures, sorted; a path that is no folder as it is, so that reading it says what is wrong.
 * @throws DataError for a folder without pictures, or a pattern that fits no file.
 */
export async function picturesOf(given: string): Promise<string[]> {
  const found = await stat(given).catch(() => null);
  if (found?.isDirectory()) {
    const isPicture = await decodableNames('auto');
    const names = await readdir(given);
    const pictures = sorted(names.filter((name) => isPicture(name) && !isHidden(name)));
    if (pictures.length > 0) return pictures.map((name) => join(given, name));
    throw new DataError(
      `predict(${given}): the folder must hold pictures; got none among ${names.length} files (pictures in folders below ` +
        'do not count).',
    );
  }
  const pattern = basename(given);
  if (found !== null || !/[*?]/.test(pattern)) return [given];
  const names = await readdir(dirname(given)).catch((): string[] => []);
  const fits = new RegExp(`^${pattern.split('').map(expressionOf).join('')}$`, 'su');
  const fitting = sorted(names.filter((name) => fits.test(name) && !isHidden(name)));
  if (fitting.length > 0) return fitting.map((name) => join(dirname(given), name));
  throw new DataError(`predict(${given}): the pattern must fit files; got none that do.`);
}

const isHidden = (name: string) => name.startsWith('.') || name.endsWith(OVERLAY_ENDING);

/** By code units, not by locale: the order is the same on every machine. */
const sorted = (names: string[]) => names.sort();

function expressionOf(char: string): string {
  if (char === '*') return '.*';
  return char === '?' ? '.' : char.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
}
