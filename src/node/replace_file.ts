/**
 * Writes a file that is complete or not there: the bytes go into one beside it (names: see disk.ts), are flushed, and take
 * the place of what was there in one step.
 */
import {stat} from 'node:fs/promises';
import {dirname} from 'node:path';
import {CheckpointError, SwintError} from '../errors.js';
import {codeOf, DISK, type Disk, hint, partName, reason, resolveLinks, staleParts} from './disk.js';

/**
 * @param who The function that writes, for messages.
 * @param path The file, or a link to it; its folder is made where missing.
 * @throws CheckpointError where writing fails; the file that was there is then still there.
 */
export async function replaceFile(
  who: string,
  path: string,
  bytes: Uint8Array,
  disk: Disk = DISK,
): Promise<void> {
  let staging: string | undefined;
  try {
    const target = await resolveLinks(path);
    await requireFile(`${who}(${path})`, target);
    await disk.makeDirectory(dirname(target));
    for (const stale of await staleParts(target, 'saving')) await disk.remove(stale);
    staging = partName(target, 'saving');
    await disk.write(staging, bytes);
    await disk.rename(staging, target);
    staging = undefined;
    await disk.flushDirectory(dirname(target));
  } catch (error) {
    // What matters is the error that brought us here; a leftover file is stale for the next save.
    if (staging !== undefined) await disk.remove(staging).catch(() => {});
    if (error instanceof SwintError) throw error;
    throw new CheckpointError(
      `${who}(${path}): the file must be one that can be written; got ${reason(error)}${hint(error)}.`,
      {cause: error},
    );
  }
}

/** A device would be replaced by a file, and a directory cannot be. */
async function requireFile(who: string, target: string): Promise<void> {
  const entry = await stat(target).catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!entry || entry.isFile()) return;
  const got = entry.isDirectory() ? 'a directory' : 'a device or a pipe';
  throw new CheckpointError(`${who}: the place must be a file or not there; got ${got}.`);
}
