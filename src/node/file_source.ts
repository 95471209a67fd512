/**
 * A file as a source of bytes, and those beside it: read in parts, so that a large checkpoint is not in memory beside the
 * model.
 */
import {closeSync, fstatSync, openSync, readSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {CheckpointError} from '../errors.js';
import type {ByteSource} from '../weights/byte_source.js';
import {checkOrdinary, READ_ONLY} from './ordinary_file.js';

/**
 * What `use` makes of the file, which is open for as long as that takes.
 *
 * @throws CheckpointError where there is no file that can be read, or where it becomes shorter meanwhile.
 */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
  const open: number[] = [];
  const sourceOf = (path: string): ByteSource => {
    const fail = (error: unknown) =>
      new CheckpointError(
        `${path}: a checkpoint must be a file that can be read; got ${(error as Error).message}.`,
        {cause: error},
      );
    let file: number;
    try {
      file = openSync(path, READ_ONLY);
    } catch (error) {
      throw fail(error);
    }
    open.push(file);
    const read = (offset: number, length: number) => readPart(path, file, offset, length, fail);
    const beside = (name: string) => sourceOf(join(dirname(path), name));
    return {name: path, size: ordinarySize(file, fail), read, beside};
  };
  try {
    return use(sourceOf(path));
  } finally {
    for (const file of open) closeSync(file);
  }
}

function readPart(
  path: string,
  file: number,
  offset: number,
  length: number,
  fail: (error: unknown) => Error,
): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    let count: number;
    try {
      count = readSync(file, bytes, done, length - done, offset + done);
    } catch (error) {
      throw fail(error);
    }
    if (count === 0) throw new CheckpointError(`${path}: the file must keep its size; it became shorter.`);
    done += count;
  }
  return bytes;
}

function ordinarySize(file: number, fail: (error: unknown) => Error): number {
  const stats = fstatSync(file);
  try {
    checkOrdinary(stats);
  } catch (error) {
    throw fail(error);
  }
  return stats.size;
}
