/** A folder in the system's temporary directory for one test file, and small image files to put in it. */

import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import jpeg from 'jpeg-js';
import {encodePng} from '../../../src/node/image_file.js';

/** Makes the folder before the tests of the enclosing `describe`, removes it after; returns paths within it. */
export function temporaryFolder(): (...parts: string[]) => string {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'swint-test-'));
  });
  after(() => rm(root, {recursive: true}));
  return (...parts) => join(root, ...parts);
}

/** Writes a file, making the folders above it. */
export async function put(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  await writeFile(path, bytes);
}

type Colour = readonly [number, number, number];

/** A JPEG of one colour. */
export function jpegOf(colour: Colour, width = 8, height = width): Uint8Array {
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set([...colour, 255], 4 * i);
  return new Uint8Array(jpeg.encode({data, width, height}, 95).data);
}

/** A PNG of one colour. */
export function pngOf(colour: Colour, width = 8, height = width): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(colour, 3 * i);
  return encodePng(data, width, height);
}
