/**
 * Image files to RGB bytes [height, width, 3] and back to PNG.
 *
 * Decoding is done by `sharp` (libvips, on its own threads) where that optional package is installed, otherwise by
 * jpeg-js and pngjs, which are plain JavaScript. sharp also decodes WebP, AVIF, TIFF and GIF, of several pictures the
 * first. For JPEG and PNG both give: grey repeated to three channels, transparency composited
 * on white, 16 bits reduced to 8, photographs turned upright by their Exif orientation. They differ by a few grey
 * levels in a JPEG whose colours are stored at half resolution (sharp interpolates them) and in CMYK (sharp manages
 * colours, jpeg-js uses the plain formula).
 */

import jpeg from 'jpeg-js';
import {PNG} from 'pngjs';
import type {Sharp, SharpOptions} from 'sharp';
import {oneOf, positiveInteger} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import type {RgbImage} from '../data/rgb_image.js';
import {ConfigError, DataError} from '../errors.js';
import {pixelLimit, sizeFault} from './image_limits.js';
import {
  formatOfName,
  type ImageFormat,
  imageFormat,
  imageStructure,
  isPlain,
  type PlainFormat,
} from './image_structure.js';
import {readOrdinaryFile} from './ordinary_file.js';
import {pngDataFault} from './png_structure.js';
import type {Fault} from './stored_image.js';

/** Who decodes: 'sharp', 'plain' (jpeg-js and pngjs), or 'auto', the first of them that is installed. */
export type DecoderChoice = 'auto' | 'sharp' | 'plain';

type SharpFactory = (input: Uint8Array, options: SharpOptions) => Sharp;

let sharpImport: Promise<SharpFactory | Error> | undefined;

/** sharp, or the error that importing it gave; tried once. */
function importSharp(): Promise<SharpFactory | Error> {
  sharpImport ??= import('sharp').then(
    (module): SharpFactory => module.default,
    (error: Error) => error,
  );
  return sharpImport;
}

/** Which decoder 'auto' stands for on this machine. */
export async function imageDecoder(): Promise<'sharp' | 'jpeg-js/pngjs'> {
  return (await importSharp()) instanceof Error ? 'jpeg-js/pngjs' : 'sharp';
}

export interface DecodeImageArgs {
  /** Default 'auto'; see `imageDecoder`. */
  decoder?: DecoderChoice;
  /** What to call the image in messages; default the path, or 'image' for bytes. */
  name?: string;
}

/**
 * Decodes one image: JPEG or PNG, and where sharp is installed also WebP, GIF, AVIF or TIFF.
 *
 * @param source path of a file, or its bytes.
 * @throws DataError naming the file if it cannot be read, is of another format, is cut short or damaged, or has more
 *   pixels than a file of its size may have (see image_limits.ts); ConfigError if `decoder` is 'sharp' and sharp cannot be
 *   imported.
 */
export async function decodeImage(
  source: string | Uint8Array,
  args: DecodeImageArgs = {},
): Promise<RgbImage> {
  checkArguments('decodeImage', args, {decoder: true, name: true} satisfies ArgumentNames<DecodeImageArgs>);
  const {decoder = 'auto'} = args;
  oneOf('decodeImage', 'decoder', decoder, ['auto', 'sharp', 'plain']);
  const name = args.name ?? (typeof source === 'string' ? source : 'image');
  const {bytes, format} = await readImage(source, name);
  const sharp = decoder === 'plain' ? null : await importSharp();
  if (sharp instanceof Error && decoder === 'sharp') {
    throw new ConfigError(
      `decodeImage(${name}): decoder 'sharp' must be installed; got ${sharp.message} (npm install sharp).`,
    );
  }
  const fail = ({rule, got}: Fault) =>
    new DataError(`decodeImage(${name}): the ${formatName(format)} must ${rule}; got ${got}.`);
  const plain = sharp === null || sharp instanceof Error;
  const structure = isPlain(format) ? imageStructure(bytes, format) : null;
  const fault = structure && (structure.fault ?? sizeFault(structure, bytes.length, plain));
  if (fault) throw fail(fault);
  const whole = structure?.png && plain ? await pngDataFault(structure.png) : null;
  if (whole) throw fail(whole);
  try {
    if (!plain) return await decodeWithSharp(bytes, sharp);
    if (isPlain(format)) return decodePlain(bytes, format, structure!.orientation);
  } catch (error) {
    throw new DataError(
      `decodeImage(${name}): the ${formatName(format)} must be intact; the decoder says: ${oneLine((error as Error).message)}.`,
      {cause: error},
    );
  }
  throw new DataError(
    `decodeImage(${name}): the image must be JPEG or PNG to be decoded without sharp; got ${formatName(format)} ` +
      '(npm install sharp).',
  );
}

/** libvips reports several warnings in as many lines. */
const oneLine = (message: string) =>
  message
    .trim()
    .replace(/\s*\n\s*/g, '; ')
    .replace(/\.$/, '');

/** Height and width of an image, upright, without decoding it; throws as `decodeImage` does, as far as that is found so. */
export async function imageSizeOf(
  path: string,
  {decoder}: {decoder: DecoderChoice},
): Promise<{height: number; width: number}> {
  const {bytes, format} = await readImage(path, path);
  if (!isPlain(format)) return decodeImage(bytes, {decoder, name: path});
  const {fault, height, width, orientation} = imageStructure(bytes, format);
  if (fault)
    throw new DataError(
      `decodeImage(${path}): the ${formatName(format)} must ${fault.rule}; got ${fault.got}.`,
    );
  return orientation >= 5 ? {height: width, width: height} : {height, width};
}

/** Tells by a file's name whether there is a decoder for it on this machine. */
export async function decodableNames(decoder: DecoderChoice): Promise<(name: string) => boolean> {
  const all = decoder !== 'plain' && (await imageDecoder()) === 'sharp';
  return (name) => {
    const format = formatOfName(name);
    return format !== null && (all || isPlain(format));
  };
}

const formatName = (format: ImageFormat): string => (format === 'webp' ? 'WebP' : format.toUpperCase());

async function readImage(
  source: string | Uint8Array,
  name: string,
): Promise<{bytes: Uint8Array; format: ImageFormat}> {
  const bytes = typeof source === 'string' ? await fileBytes(source, name) : source;
  const format = imageFormat(bytes);
  if (format === null) {
    throw new DataError(
      `decodeImage(${name}): the image must be JPEG or PNG; got ${bytes.length} bytes of something else ` +
        '(where sharp is installed also WebP, GIF, AVIF or TIFF).',
    );
  }
  return {bytes, format};
}

async function fileBytes(path: string, name: string): Promise<Uint8Array> {
  try {
    return await readOrdinaryFile(path);
  } catch (error) {
    throw new DataError(`decodeImage(${name}): the file must be readable; got ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

async function decodeWithSharp(bytes: Uint8Array, sharp: SharpFactory): Promise<RgbImage> {
  // 'warning' is the strictest: below it a JPEG damaged in the middle comes back half grey.
  const {data, info} = await sharp(bytes, {
    failOn: 'warning',
    limitInputPixels: pixelLimit(bytes.length, false),
  })
    .autoOrient()
    .toColourspace('srgb')
    .flatten({background: 'white'})
    .raw({depth: 'uchar'})
    .toBuffer({resolveWithObject: true});
  return {
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
    width: info.width,
    height: info.height,
  };
}

function decodePlain(bytes: Uint8Array, format: PlainFormat, orientation: number): RgbImage {
  if (format === 'jpeg') {
    const limit = pixelLimit(bytes.length, true) / 1e6;
    const {data, width, height} = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: limit,
      // What jpeg-js counts of 40 bytes a pixel, at four components, and of a small image's margins.
      maxMemoryUsageInMB: 40 * limit,
    });
    return upright({data, width, height}, orientation);
  }
  const {data, width, height} = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(data[4 * i + c]! * alpha + 255 * (1 - alpha));
  }
  return {data: rgb, width, height};
}

/**
 * The image turned and mirrored as its Exif orientation asks. Cell (y, x) comes from the stored cell (y, x), or (x, y)
 * for orientations 5 to 8, counted from the far end of a side where the stored image begins there.
 */
function upright(image: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return image;
  const {data, width: w, height: h} = image;
  const exchanged = orientation >= 5;
  const [width, height] = exchanged ? [h, w] : [w, h];
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = exchanged ? [x, y] : [y, x];
      const from = ((fromBottom ? h - 1 - row : row) * w + (fromRight ? w - 1 - column : column)) * 3;
      const to = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) result[to + c] = data[from + c]!;
    }
  }
  return {data: result, width, height};
}

/**
 * A PNG file of an RGB image.
 *
 * @param rgb bytes, [height, width, 3].
 * @throws DataError for a size that is none, or if `rgb` has another length.
 */
export function encodePng(rgb: Uint8Array, width: number, height: number): Uint8Array {
  for (const [side, length] of Object.entries({width, height})) {
    positiveInteger('encodePng', side, length, {error: DataError});
  }
  if (rgb.length !== width * height * 3) {
    throw new DataError(
      `encodePng: an image of ${height}x${width} must have ${width * height * 3} RGB bytes; got ${rgb.length}.`,
    );
  }
  const png = new PNG({width, height});
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) png.data[4 * i + c] = rgb[3 * i + c]!;
    png.data[4 * i + 3] = 255;
  }
  return PNG.sync.write(png, {colorType: 2, inputColorType: 6});
}
