/**
 * Unpacks the `.tar.br` and `.br` files of the npm package `@sparticuz/chromium`.
 *
 * A tar file is a row of 512-byte headers, each followed by its data padded to 512 bytes (POSIX ustar: name at 0,
 * mode at 100, size at 124 in octal, type at 156, prefix at 345). That is all the reader knows, which is all these
 * files use, so that neither a `tar` program nor another package is needed.
 */

import {mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {brotliDecompressSync} from 'node:zlib';

/** One regular file of a tar archive. */
export interface TarFile {
  /** Path inside the archive. */
  name: string;
  /** Permission bits, as chmod takes them. */
  mode: number;
  data: Uint8Array;
}

/**
 * The regular files of a tar archive, in order.
 *
 * @throws Error when the archive is cut short, so that a broken download is never half unpacked.
 */
export function readTar(archive: Uint8Array): TarFile[] {
  const field = (at: number, length: number) =>
    Buffer.from(archive.subarray(at, at + length))
      .toString('latin1')
      .replace(/\0.*$/s, '');
  const files: TarFile[] = [];
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(field(at + 124, 12), 8);
    const prefix = field(at + 345, 155);
    const name = (prefix ? prefix + '/' : '') + field(at, 100);
    const end = at + 512 + size;
    if (!(end <= archive.length)) {
      throw new Error(
        `readTar: ${name} must lie inside the archive; it ends at ${end} of ${archive.length}.`,
      );
    }
    if (field(at + 156, 1) === '0') {
      files.push({name, mode: Number.parseInt(field(at + 100, 8), 8), data: archive.subarray(at + 512, end)});
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Reads a brotli-compressed file. */
export function readBrotli(path: string): Uint8Array {
  return brotliDecompressSync(readFileSync(path));
}

/**
 * Makes `folder` hold `files`, all at once: they are written beside it and renamed, so that another process never
 * sees half of them and an interrupted run leaves no folder that looks complete.
 */
export function writeFolderAtomically(folder: string, files: readonly TarFile[]): void {
  mkdirSync(dirname(folder), {recursive: true});
  const beside = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`));
  try {
    for (const {name, mode, data} of files) {
      const path = join(beside, name);
      mkdirSync(dirname(path), {recursive: true});
      writeFileSync(path, data, {mode});
    }
    renameSync(beside, folder);
  } catch (error) {
    rmSync(beside, {recursive: true, force: true});
    // Another process was first: its folder is complete, since it came about by the same rename.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') {
      throw error;
    }
  }
}
