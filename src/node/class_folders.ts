/** The class folders of a folder of images, and how their files are split into a training and a test set. */
import type {Dirent} from 'node:fs';
import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {type Seed, shuffled} from '../data/shuffle.js';
import {DataError} from '../errors.js';
import {printable} from '../printable.js';
import {type DecoderChoice, decodableNames} from './image_file.js';
import {formatOfName} from './image_structure.js';

/** Images that nothing here decodes. */
const OTHER_IMAGES = /\.(bmp|heic|heif|jxl|jp2|svg|tga|psd|dng|cr2|nef|arw)$/i;

const IMAGES = '.jpg, .jpeg or .png files (with sharp also .webp, .gif, .avif, .tif or .tiff)';

/** The images of one class. */
export interface ClassFiles {
  name: string;
  dir: string;
  /** File names within `dir`. */
  files: string[];
}

interface ListingArgs {
  /** The name that errors start with. */
  who: string;
  classNames?: readonly string[];
  testFraction: number;
  seed: Seed;
  decoder: DecoderChoice;
  onLeftOut?: (message: string) => void;
}

/** What all levels of a listing share. */
interface Listing extends ListingArgs {
  /** Whether there is a decoder for a file of this name. */
  decodes: (file: string) => boolean;
  /** Paths of the images without a decoder. */
  leftOut: string[];
}

/** @throws DataError as `imageFolder` does. */
export async function listClassFolders(
  dir: string,
  args: ListingArgs,
): Promise<{train: ClassFiles[]; test: ClassFiles[]}> {
  const decodes = await decodableNames(args.decoder);
  const listing: Listing = {...args, decodes, leftOut: []};
  try {
    return await listFolder(dir, listing);
  } finally {
    // Told before an error too: they may be why a class has no image.
    if (listing.leftOut.length > 0) (args.onLeftOut ?? console.warn)(leftOutMessage(listing));
  }
}

function leftOutMessage({who, leftOut}: Listing): string {
  const shown = leftOut.slice(0, 5).map(printable).join(', ') + (leftOut.length > 5 ? ', ...' : '');
  const needsSharp = leftOut.some((path) => formatOfName(path) !== null);
  return (
    `${who}: ${leftOut.length} image ${leftOut.length === 1 ? 'file is' : 'files are'} left out, of formats that no ` +
    `decoder here reads: ${shown} (${needsSharp ? 'npm install sharp, or ' : ''}convert them to JPEG or PNG).`
  );
}

async function listFolder(dir: string, listing: Listing): Promise<{train: ClassFiles[]; test: ClassFiles[]}> {
  const {who, testFraction, seed} = listing;
  const {folders, files, entries} = await list(dir, listing);
  if (entries === 0) throw new DataError(`${who}: the folder must hold images by class; it is empty.`);

  if (folders.includes('train')) {
    const testFolder = ['test', 'val'].find((name) => folders.includes(name));
    if (testFolder === undefined) {
      throw new DataError(
        `${who}: a folder with train/ must have test/ or val/ beside it; got ${folders.join(', ')} ` +
          '(to have the images split at random, give the folder that holds the class folders).',
      );
    }
    const train = await listClasses(join(dir, 'train'), listing);
    const test = await listClasses(join(dir, testFolder), listing);
    const names = (classes: ClassFiles[]) => classes.map(({name}) => name);
    const odd = [...onlyIn(names(train), names(test)), ...onlyIn(names(test), names(train))];
    if (odd.length > 0) {
      throw new DataError(
        `${who}: train/ and ${testFolder}/ must have the same class folders; only in one of them: ${odd.join(', ')}.`,
      );
    }
    return {train, test};
  }

  if (folders.length === 0 && files.length > 0) {
    throw new DataError(
      `${who}: images must lie in one folder per class; got ${files.length} images and no folder ` +
        `(move them to ${join(dir, '<class>')}).`,
    );
  }
  const train: ClassFiles[] = [];
  const test: ClassFiles[] = [];
  for (const {name, dir: classDir, files: all} of await listClasses(dir, listing)) {
    if (all.length < 2) {
      throw new DataError(
        `${who}: each class must have at least 2 images to be split; got 1 in ${classDir} ` +
          '(add images, or make train/ and test/ yourself).',
      );
    }
    const order = shuffled(all, `${seed}/split/${name}`);
    const held = Math.min(all.length - 1, Math.max(1, Math.round(all.length * testFraction)));
    test.push({name, dir: classDir, files: order.slice(0, held).sort()});
    train.push({name, dir: classDir, files: order.slice(held).sort()});
  }
  return {train, test};
}

/** The class folders of `dir` with their images, in the order of the labels. */
async function listClasses(dir: string, listing: Listing): Promise<ClassFiles[]> {
  const {who, classNames} = listing;
  const {folders} = await list(dir, listing);
  if (folders.length === 0) {
    throw new DataError(`${who}: ${dir} must hold one folder per class; got no folder.`);
  }
  const absent = onlyIn(classNames ?? [], folders);
  if (absent.length > 0) {
    throw new DataError(
      `${who}: every class must have a folder in ${dir}; missing: ${absent.join(', ')} (there are ${folders.join(', ')}).`,
    );
  }
  const classes = await Promise.all(
    (classNames ?? folders).map(async (name): Promise<ClassFiles> => {
      const classDir = join(dir, name);
      return {name, dir: classDir, files: (await list(classDir, listing)).files};
    }),
  );
  const empty = classes.filter(({files}) => files.length === 0);
  if (empty.length === classes.length) {
    throw new DataError(
      `${who}: class folders must hold ${IMAGES}; got no image in any of ${classes.length} folders ` +
        `of ${dir} (${classes.map(({name}) => name).join(', ')}).`,
    );
  }
  if (empty.length > 0) {
    throw new DataError(
      `${who}: every class must have at least one image, of ${IMAGES}; got none in ` +
        `${empty.map((one) => one.dir).join(', ')} (add images or remove the folder).`,
    );
  }
  return classes;
}

interface Entries {
  /** Names of the folders, sorted. */
  folders: string[];
  /** Names of the image files, sorted. */
  files: string[];
  /** Number of entries of any sort. */
  entries: number;
}

async function list(dir: string, {who, decodes, leftOut}: Listing): Promise<Entries> {
  let entries: Dirent[];
  try {
    entries = await readdir(dir, {withFileTypes: true});
  } catch (error) {
    throw new DataError(
      `${who}: ${dir} must be a readable folder; got ${(error as Error).message} (check the path).`,
    );
  }
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    const {name} = entry;
    if (name.startsWith('.') || name.startsWith('__')) continue;
    if (await isFolder(entry, dir)) folders.push(name);
    else if (decodes(name)) files.push(name);
    else if (formatOfName(name) !== null || OTHER_IMAGES.test(name)) leftOut.push(join(dir, name));
  }
  // Sorted by code units, not by locale: labels must be the same on every machine.
  return {folders: folders.sort(), files: files.sort(), entries: entries.length};
}

async function isFolder(entry: Dirent, dir: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  // A link to nothing is listed as a file, so that reading it says what is wrong.
  return stat(join(dir, entry.name)).then(
    (target) => target.isDirectory(),
    () => false,
  );
}

/** The elements of `names` that `others` lacks. */
function onlyIn(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
}
