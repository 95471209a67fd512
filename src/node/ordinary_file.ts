/**
 * Files that are read whole. Reading a FIFO, a terminal or a device may wait for ever or never end, so anything but an
 * ordinary file is an error, found before the first byte is read.
 */
import {constants, type Stats} from 'node:fs';
import {open} from 'node:fs/promises';

/** How to open a file for reading: a FIFO that nobody writes to opens at once, and is then refused. */
export const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of the file.
 *
 * @throws Error whose message fits behind 'got', where it cannot be read or is no ordinary file.
 */
export async function readOrdinaryFile(path: string): Promise<Uint8Array> {
  const file = await open(path, READ_ONLY);
  try {
    checkOrdinary(await file.stat());
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Throws an Error whose message fits behind 'got', unless it is an ordinary file. */
export function checkOrdinary(stats: Stats): void {
  if (!stats.isFile()) throw new Error(`${kindOf(stats)} (give an ordinary file)`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}
