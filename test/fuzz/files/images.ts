/**
 * Damaged files of images: whole ones of a small corpus with bytes changed, removed, repeated or moved. Reading one gives
 * an image or a DataError. A file has no more pixels than its size allows, 2^24 + 1100 for each byte (image_limits.ts), of
 * at most 40 bytes each while it is decoded without sharp; CIFAR binaries are used as they are.
 */
import {crc32} from 'node:zlib';
import {parseCifar} from '../../../src/data/cifar.js';
import {DataError} from '../../../src/errors.js';
import {decodeImage, imageDecoder} from '../../../src/node/image_file.js';
import {pixelLimit} from '../../../src/node/image_limits.js';
import {maskClasses, maskTable} from '../../../src/node/mask_values.js';
import type {Random} from '../../helpers/damage.js';
import {madePng, progressiveJpeg} from '../../src/node/made_images.js';
import {jpegOf, pngOf} from '../../src/node/temporary_folder.js';
import {type FileFormat, type Reading, ROOM} from './file_format.js';

type ImageKind = 'png' | 'jpeg' | 'cifar10' | 'cifar100' | 'mask';

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

const CORPUS: Readonly<Record<ImageKind, readonly Uint8Array[]>> = {
  png: PNGS,
  jpeg: [jpegOf([200, 100, 50], 24, 16), jpegOf([9, 9, 9], 8), progressiveJpeg(16, 16, 5, 4)],
  cifar10: [new Uint8Array(2 * 3073), new Uint8Array(3 * 3073).fill(7)],
  cifar100: [new Uint8Array(2 * 3074), new Uint8Array(3 * 3074).fill(19)],
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

/** The first ones change bytes in their places. */
const KEEPING_LENGTH = 3;

const at = (bytes: readonly number[], random: Random) => Math.floor(random() * bytes.length);

/** A damaged file. Half of the binaries keep their length, without which nothing of them is looked at. */
function damagedImage(kind: ImageKind, random: Random): Uint8Array {
  const whole = CORPUS[kind];
  const bytes = [...whole[Math.floor(random() * whole.length)]!];
  const choices = kind.startsWith('cifar') && random() < 0.5 ? KEEPING_LENGTH : CHANGES.length;
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes && bytes.length > 0; i++)
    CHANGES[Math.floor(random() * choices)]!(bytes, random);
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

type Decoder = 'plain' | 'sharp';

/** Reads a file as its kind. */
async function readImage(kind: ImageKind, bytes: Uint8Array, decoder: Decoder): Promise<Reading> {
  const size = bytes.length;
  try {
    if (kind === 'cifar10' || kind === 'cifar100') {
      const classNames = kind === 'cifar10' ? undefined : Array.from({length: 100}, (_, i) => `${i}`);
      const dataset = parseCifar(bytes, {kind, name: 'damaged', classNames});
      for (let i = 0; i < dataset.size; i++) {
        const {length} = await dataset.read(i);
        if (length !== 3072 || !(dataset.label(i) < dataset.classNames.length))
          throw new Error(`record ${i}`);
      }
      return {read: true, size};
    }
    const image = await decodeImage(bytes, {decoder: kind === 'mask' ? 'plain' : decoder});
    const {data, width, height} = image;
    const pixels = width * height;
    if (!(width > 0 && height > 0) || data.length !== 3 * pixels || pixels > pixelLimit(size, false)) {
      throw new Error(`an image of ${height}x${width} with ${data.length} bytes, from ${size}`);
    }
    if (kind === 'mask') maskClasses('damaged', image, maskTable('damaged', [0, 255]));
    return {read: true, size};
  } catch (error) {
    if (error instanceof DataError) return {read: false, size};
    throw error;
  }
}

async function decoders(): Promise<Decoder[]> {
  return (await imageDecoder()) === 'sharp' ? ['plain', 'sharp'] : ['plain'];
}

const format = (kind: ImageKind, mostMemory: number): FileFormat => ({
  name: kind,
  mostMemory,
  async open() {
    const each = await decoders();
    return {
      run: (random) => readImage(kind, damagedImage(kind, random), each[Math.floor(random() * each.length)]!),
    };
  },
});

/** 40 bytes for each pixel that a small file may have. */
const DECODED = ROOM + 40 * pixelLimit(2 ** 16, true);

export const images: readonly FileFormat[] = [
  format('png', DECODED),
  format('jpeg', DECODED),
  format('mask', DECODED),
  format('cifar10', ROOM),
  format('cifar100', ROOM),
];

/** Files that announce more than they have, each with each decoder. */
export const large: FileFormat = {
  name: 'large images',
  mostMemory: DECODED,
  async open() {
    const files = [
      ['png', madePng({width: 4096, height: 4096, rows: new Uint8Array(10)})],
      ['jpeg', progressiveJpeg(4000, 4000, 100, 4)],
    ] as const;
    const each = await decoders();
    const one = <T>(list: readonly T[], random: Random) => list[Math.floor(random() * list.length)]!;
    return {
      run(random) {
        const [kind, bytes] = one(files, random);
        return readImage(kind, bytes, one(each, random));
      },
    };
  },
};
