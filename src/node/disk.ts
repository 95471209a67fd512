/**
 * What saving asks of a disk so that nothing is lost: files that are flushed before they get their final name, and names
 * for what is not finished that tell whose it is.
 *
 *     TARGET.swint-saving-HOST-PID-RANDOM      written now; TARGET's next content
 *     TARGET.swint-previous-HOST-PID-RANDOM    TARGET's former content, until the new one is in its place
 *
 * A process that was killed leaves such names behind. They are stale, and the next save removes them, once that process is
 * gone or a day has passed.
 */
import {createHash, randomBytes} from 'node:crypto';
import {lstat, mkdir, open, readdir, readlink, realpath, rename, rm, stat} from 'node:fs/promises';
import {hostname} from 'node:os';
import {basename, dirname, join, resolve} from 'node:path';

/** The operations of a save, one after the other; tests put disks in its place that fail or stop at any of them. */
export interface Disk {
  makeDirectory(path: string): Promise<void>;
  /** Writes a new file and returns only when it is on the disk. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Makes the names in a directory durable. */
  flushDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file or a directory with all that is in it; nothing where there is none. */
  remove(path: string): Promise<void>;
}

export const DISK: Disk = {
  async makeDirectory(path) {
    await mkdir(path, {recursive: true});
  },
  async write(path, bytes) {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  async flushDirectory(path) {
    // Windows cannot open a directory, and orders renames by itself.
    if (process.platform === 'win32') return;
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  rename,
  remove: (path) => rm(path, {recursive: true, force: true}),
};

type Part = 'saving' | 'previous';

/** Computers that share a disk must not take each other's processes for their own. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** No save takes that long. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** A new name beside the target. */
export function partName(target: string, part: Part): string {
  return `${target}.swint-${part}-${HOST}-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** What stands beside the target under such names, the latest first. */
export async function partsOf(target: string, part: Part): Promise<string[]> {
  const start = `${basename(target)}.swint-${part}`;
  const folder = dirname(target);
  const names = await readdir(folder).catch(() => []);
  const found: {path: string; time: number}[] = [];
  for (const name of names) {
    if (name !== start && !name.startsWith(`${start}-`)) continue;
    const path = join(folder, name);
    // One that is gone by now belongs to a save that has just ended.
    const time = await stat(path).then(
      ({mtimeMs}) => mtimeMs,
      () => undefined,
    );
    if (time !== undefined) found.push({path, time});
  }
  return found.sort((a, b) => b.time - a.time).map(({path}) => path);
}

/** Those of `partsOf` that no process works on. */
export async function staleParts(target: string, part: Part): Promise<string[]> {
  const stale: string[] = [];
  for (const path of await partsOf(target, part)) {
    const time = await stat(path).then(
      ({mtimeMs}) => mtimeMs,
      () => Date.now(),
    );
    const [, host, pid] = /-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}$/.exec(path) ?? [];
    if (Date.now() - time > DAY_MS || (host === HOST && !isAlive(Number(pid), time))) stale.push(path);
  }
  return stale;
}

/** Whether the process that made something at `time` still runs. */
function isAlive(pid: number, time: number): boolean {
  // In a container every process may have the number of the one before it.
  if (pid === process.pid) return time >= Date.now() - 1000 * process.uptime();
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** The place that a path means: links are followed, also one whose target is not there (yet). */
export async function resolveLinks(path: string): Promise<string> {
  const full = resolve(path);
  try {
    return await realpath(full);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const link = await lstat(full).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  );
  return link ? resolveLinks(resolve(dirname(full), await readlink(full))) : full;
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What to do about an error of writing, as it follows a message; nothing where that is not known. */
export function hint(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return ' (free some space or choose another disk)';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return ' (choose a directory you may write to)';
  if (code === 'EBUSY' || code === 'EXDEV')
    return ' (a mounted directory cannot be replaced: give one inside it)';
  return '';
}
