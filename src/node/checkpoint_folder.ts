/**
 * A folder of checkpoints. A file in it is complete or not there: it is written beside its place, flushed, and renamed
 * (see replace_file.ts), also where the process is killed meanwhile.
 */
import {readdir, rm} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {CheckpointError} from '../errors.js';
import type {CheckpointStore} from '../training/checkpoint_store.js';
import {codeOf, DISK, type Disk, hint, reason} from './disk.js';
import {readOrdinaryFile} from './ordinary_file.js';
import {replaceFile} from './replace_file.js';

/** @param dir made where missing, at the first write. @param disk what tests put in its place. */
export function checkpointFolder(dir: string, disk: Disk = DISK): CheckpointStore {
  const place = resolve(dir);
  const failure = (what: string, error: unknown) =>
    new CheckpointError(
      `${dir}: the folder of checkpoints must be one that can be ${what}; got ${reason(error)}${hint(error)}.`,
      {cause: error},
    );
  return {
    name: dir,
    async list() {
      try {
        return await readdir(place);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return [];
        throw failure('read', error);
      }
    },
    async read(name) {
      try {
        return await readOrdinaryFile(join(place, name));
      } catch (error) {
        throw failure('read', error);
      }
    },
    write: (name, bytes) => replaceFile('checkpoint', join(place, name), bytes, disk),
    async remove(name) {
      try {
        await rm(join(place, name), {force: true});
      } catch (error) {
        throw failure('written to', error);
      }
    },
  };
}
