/**
 * CIFAR-10 and CIFAR-100 from the unpacked folder of the official binary archive (cifar-10-binary.tar.gz,
 * cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 *     CIFAR-10:  data_batch_1.bin ... data_batch_5.bin  test_batch.bin  batches.meta.txt (names; may be absent)
 *     CIFAR-100: train.bin  test.bin  fine_label_names.txt  coarse_label_names.txt (the one that is used)
 */

import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {checkIndex} from '../data/check_index.js';
import {type CifarKind, type ParseCifarArgs, parseCifar} from '../data/cifar.js';
import type {DatasetSplit, ImageDataset} from '../data/dataset.js';
import {DataError} from '../errors.js';
import {readOrdinaryFile} from './ordinary_file.js';

const FILES: Readonly<Record<CifarKind, {train: string[]; test: string[]}>> = {
  cifar10: {train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`), test: ['test_batch.bin']},
  cifar100: {train: ['train.bin'], test: ['test.bin']},
};

/**
 * Which of the two a folder holds, by the names of its files; null for neither. A folder with only some of the files
 * counts, so that `cifarFiles` can say which are missing.
 *
 * @throws DataError if the folder cannot be read.
 */
export async function detectCifar(dir: string): Promise<CifarKind | null> {
  const present = await fileNames(dir);
  for (const kind of ['cifar10', 'cifar100'] as const) {
    const {train, test} = FILES[kind];
    if ([...train, ...test].some((file) => present.has(file))) return kind;
  }
  return null;
}

export interface CifarFilesArgs {
  /** Which of the two labels of CIFAR-100 to use; default 'fine' (100 classes). */
  labels?: 'fine' | 'coarse';
}

/**
 * The training and test set in `dir`.
 *
 * @throws DataError if files are missing, cannot be read, have a wrong length or labels out of range.
 */
export async function cifarFiles(dir: string, args: CifarFilesArgs = {}): Promise<DatasetSplit> {
  checkArguments(`cifarFiles(${dir})`, args, {labels: true} satisfies ArgumentNames<CifarFilesArgs>);
  const {labels = 'fine'} = args;
  const kind = await detectCifar(dir);
  const present = await fileNames(dir);
  if (kind === null) {
    throw new DataError(
      `cifarFiles(${dir}): the folder must hold data_batch_1.bin to data_batch_5.bin and test_batch.bin ` +
        `(CIFAR-10), or train.bin and test.bin (CIFAR-100); got ${present.size} other entries ` +
        '(unpack the binary version of the archive and give the folder that holds the .bin files).',
    );
  }
  const namesFile = kind === 'cifar10' ? 'batches.meta.txt' : `${labels}_label_names.txt`;
  const {train, test} = FILES[kind];
  const needed = [...train, ...test, ...(kind === 'cifar100' ? [namesFile] : [])];
  const missing = needed.filter((file) => !present.has(file));
  if (missing.length > 0) {
    throw new DataError(
      `cifarFiles(${dir}): a ${kind} folder must hold ${needed.join(', ')}; missing: ${missing.join(', ')} ` +
        '(unpack the archive again).',
    );
  }

  const common: Omit<ParseCifarArgs, 'name'> = {kind, labels};
  if (present.has(namesFile)) common.classNames = await readNames(dir, namesFile, kind, labels);
  const load = async (file: string) =>
    parseCifar(await readBytes(join(dir, file)), {...common, name: join(dir, file)});
  return {
    train: joined(`${kind}/train`, await Promise.all(train.map(load))),
    test: joined(`${kind}/test`, await Promise.all(test.map(load))),
  };
}

/** Several data sets of one kind as one, in their order. */
function joined(name: string, parts: readonly ImageDataset[]): ImageDataset {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const locate = (index: number): {part: ImageDataset; within: number} => {
    checkIndex(name, index, size);
    let within = index;
    for (const part of parts) {
      if (within < part.size) return {part, within};
      within -= part.size;
    }
    throw new DataError(`${name}: image ${index} must lie in one of ${parts.length} files; got none.`);
  };
  const {height, width, channels, classNames} = parts[0]!;
  return {
    name,
    size,
    height,
    width,
    channels,
    classNames,
    label(index) {
      const {part, within} = locate(index);
      return part.label(within);
    },
    async read(index) {
      const {part, within} = locate(index);
      return part.read(within);
    },
  };
}

async function readNames(
  dir: string,
  file: string,
  kind: CifarKind,
  labels: 'fine' | 'coarse',
): Promise<string[]> {
  const text = new TextDecoder().decode(await readBytes(join(dir, file)));
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const classes = kind === 'cifar10' ? 10 : labels === 'fine' ? 100 : 20;
  if (names.length !== classes) {
    throw new DataError(
      `cifarFiles(${join(dir, file)}): there must be ${classes} class names, one per line; got ${names.length}.`,
    );
  }
  return names;
}

async function fileNames(dir: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(dir));
  } catch (error) {
    throw new DataError(`cifarFiles(${dir}): the folder must be readable; got ${(error as Error).message}.`);
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readOrdinaryFile(path);
  } catch (error) {
    throw new DataError(`cifarFiles(${path}): the file must be readable; got ${(error as Error).message}.`);
  }
}
