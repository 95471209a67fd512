/**
 * Damaged files of images: whole ones of a small corpus with bytes changed, removed, repeated or moved. Reading one gives
 * an image or a DataError, within a time and a memory bounded by the file's size.
 */
import {crc32} from 'node:zlib';
import {parseCifar} from '../../src/data/cifar.js';
import {type Random, randomStream} from '../../src/data/shuffle.js';
import {DataError} from '../../src/errors.js';
import {decodeImage} from '../../src/node/image_file.js';
import {maskClasses, maskTable} from '../../src/node/mask_values.js';
import {madePng, progressiveJpeg} from '../src/node/made_images.js';
import {jpegOf, pngOf} from '../src/node/temporary_folder.js';

export const KINDS = ['png', 'jpeg', 'cifar', 'mask'] as const;
export type FileKind = (typeof KINDS)[number];

const palette = (): Uint8Array => {
  const colours = Buffer.alloc(12 + 6);
  colours.writeUInt32BE(6, 0);
  colours.write('PLTE', 4, 'latin1');
  colours.set([0, 0, 0, 255, 0, 0], 8);
  colours.writeUInt32BE(crc32(colours.subarray(4, 14)) >>> 0, 14);
  return colours;
};

const PNGS = [
  pngOf([1, 2, 3], 9, 5),
  madePng({width: 17, height: 9, rows: new Uint8Array(9 * 18)}),
  madePng({width: 9, height: 9, depth: 1, colourType: 3, rows: new Uint8Array(9 * 3), between: palette()}),
  madePng({width: 8, height: 8, depth: 16, colourType: 6, rows: new Uint8Array(8 * 65)}),
  madePng({width: 8, height: 8, depth: 1, interlace: 1, rows: new Uint8Array(22)}),
];

const CORPUS: Readonly<Record<FileKind, readonly Uint8Array[]>> = {
  png: PNGS,
  jpeg: [jpegOf([200, 100, 50], 24, 16), jpegOf([9, 9, 9], 8), progressiveJpeg(16, 16, 5, 4)],
  cifar: [new Uint8Array(2 * 3073), new Uint8Array(3 * 3073).fill(7)],
  mask: PNGS,
};

/** Bytes that begin something: signatures, markers, filters. */
const TELLING = [0, 255, 0xd8, 0xda, 0xc2, 0x7f];

/** What is done to the bytes once. */
const CHANGES: readonly ((bytes: number[], random: Random) => void)[] = [
  (bytes, random) => {
    bytes[at(bytes, random)] = Math.floor(random() * 256);
  },
  (bytes, random) => {
    const place = at(bytes, random);
    bytes[place] = bytes[place]! ^ (1 << Math.floor(random() * 8));
  },
  (bytes, random) => {
    bytes[at(bytes, random)] = TELLING[Math.floor(random() * TELLING.length)]!;
  },
  (bytes, random) => {
    bytes.splice(at(bytes, random), 1 + Math.floor(random() * 16));
  },
  (bytes, random) => {
    bytes.splice(at(bytes, random), Number.POSITIVE_INFINITY);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    bytes.splice(at(bytes, random), 0, ...bytes.slice(from, from + Math.floor(random() * 200)));
  },
];

const at = (bytes: readonly number[], random: Random) => Math.floor(random() * bytes.length);

/** The damaged file of a seed. */
export function damagedFile(kind: FileKind, seed: string): Uint8Array {
  const random = randomStream(`${kind}/${seed}`);
  const whole = CORPUS[kind];
  const bytes = [...whole[Math.floor(random() * whole.length)]!];
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes && bytes.length > 0; i++)
    CHANGES[Math.floor(random() * CHANGES.length)]!(bytes, random);
  const damaged = Uint8Array.from(bytes);
  // Half of the PNGs get right checksums again, which otherwise hide everything behind them.
  if ((kind === 'png' || kind === 'mask') && random() < 0.5) mendChecksums(damaged);
  return damaged;
}

function mendChecksums(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) return;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)) >>> 0);
    at = end + 4;
  }
}

/** Reads the file as its kind. @returns whether it was read; throws what is no DataError. */
export async function readDamaged(
  kind: FileKind,
  bytes: Uint8Array,
  decoder: 'plain' | 'sharp',
): Promise<boolean> {
  try {
    if (kind === 'cifar') {
      const dataset = parseCifar(bytes, {kind: 'cifar10', name: 'damaged'});
      await dataset.read(dataset.size - 1);
      return true;
    }
    const image = await decodeImage(bytes, {decoder: kind === 'mask' ? 'plain' : decoder});
    const {data, width, height} = image;
    if (!(width > 0 && height > 0) || data.length !== 3 * width * height) {
      throw new Error(`an image of ${height}x${width} with ${data.length} bytes`);
    }
    if (kind === 'mask') maskClasses('damaged', image, maskTable('damaged', [0, 255]));
    return true;
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

/** A small file that announces more than it has, for `limits`. */
export const LARGE = {
  png: madePng({width: 4096, height: 4096, rows: new Uint8Array(10)}),
  jpeg: progressiveJpeg(4000, 4000, 100, 4),
};
