/**
 * The chunks of a PNG, and the length that its image data must have once inflated.
 *
 *     row = 1 + ceil(width * values * bits / 8) bytes, the first of them the filter      image = height rows
 *
 * Interlaced (Adam7), the image is seven such images one after the other, without those of no pixel.
 *
 * Source: the PNG specification, sections 5 (chunks), 8 (interlacing), 11.2.2 (header).
 */
import {createInflate} from 'node:zlib';
import type {Fault, StoredImage} from './stored_image.js';

export interface PngStructure extends StoredImage {
  png: {
    /** The compressed image data, in parts. */
    parts: Uint8Array[];
    /** Bytes of the image data once inflated. */
    inflated: number;
  };
}

/** Values of a pixel, and the bits that each may have, by colour type. */
const COLOUR_TYPES: Readonly<Record<number, {values: number; bits: readonly number[]}>> = {
  0: {values: 1, bits: [1, 2, 4, 8, 16]},
  2: {values: 3, bits: [8, 16]},
  3: {values: 1, bits: [1, 2, 4, 8]},
  4: {values: 2, bits: [8, 16]},
  6: {values: 4, bits: [8, 16]},
};

const SIGNATURE_BYTES = 8;
/** Length, type and checksum of a chunk. */
const CHUNK_FRAME = 12;
const HEADER_BYTES = 13;

export function pngStructure(bytes: Uint8Array): PngStructure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const png: PngStructure['png'] = {parts: [], inflated: 0};
  const result: PngStructure = {fault: null, width: 0, height: 0, orientation: 1, png};
  const fail = (rule: string, got: string) => ({...result, fault: {rule, got}});
  let at = SIGNATURE_BYTES;
  for (let chunk = 0; at + CHUNK_FRAME <= bytes.length; chunk++) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    at += CHUNK_FRAME + length;
    if (at > bytes.length) break;
    if ((chunk === 0) !== (type === 'IHDR') || (chunk === 0 && length !== HEADER_BYTES)) {
      return fail(
        'begin with its header, and have one',
        `${showType(type)} of ${length} bytes as chunk ${chunk + 1}`,
      );
    }
    if (type === 'IHDR') {
      [result.width, result.height] = [
        view.getUint32(SIGNATURE_BYTES + 8),
        view.getUint32(SIGNATURE_BYTES + 12),
      ];
      const fault = headerFault(result, data);
      if (fault !== null) return {...result, fault};
      png.inflated = inflatedLength(result, data);
    } else if (type === 'IDAT') {
      png.parts.push(data);
    } else if (type === 'IEND') {
      return png.parts.some((part) => part.length > 0) ? result : fail('have image data', 'none');
    }
  }
  return fail('be complete', `${bytes.length} bytes and it ends before the end chunk`);
}

function headerFault({width, height}: StoredImage, header: Uint8Array): Fault | null {
  const most = 2 ** 31 - 1;
  if (![width, height].every((side) => side >= 1 && side <= most)) {
    return {rule: `have 1 to ${most} pixels a side`, got: `${height}x${width}`};
  }
  const [bits, colourType, compression, filter, interlace] = header.subarray(8);
  if (
    !COLOUR_TYPES[colourType!]?.bits.includes(bits!) ||
    compression !== 0 ||
    filter !== 0 ||
    interlace! > 1
  ) {
    return {
      rule: 'have a header of the specification',
      got: `${bits} bits, colour type ${colourType}, compression ${compression}, filter ${filter}, interlace ${interlace}`,
    };
  }
  return null;
}

/** First column and row, and the steps to the next, of Adam7's seven images. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function inflatedLength({width, height}: StoredImage, header: Uint8Array): number {
  const [bits, colourType, , , interlace] = header.subarray(8);
  const pixelBits = COLOUR_TYPES[colourType!]!.values * bits!;
  const length = (columns: number, rows: number) =>
    columns === 0 ? 0 : rows * (1 + Math.ceil((columns * pixelBits) / 8));
  if (interlace === 0) return length(width, height);
  const steps = (size: number, first: number, step: number) => Math.max(0, Math.ceil((size - first) / step));
  return ADAM7.reduce((sum, [x, y, dx, dy]) => sum + length(steps(width, x, dx), steps(height, y, dy)), 0);
}

/** A type as text that is safe to print. */
const showType = (type: string) => (/^[A-Za-z]{4}$/.test(type) ? type : 'a chunk of no type');

/**
 * What is wrong with the length of the image data; null for nothing. It is inflated and counted, never held: pngjs takes
 * the header's word for it.
 */
export async function pngDataFault({parts, inflated}: PngStructure['png']): Promise<Fault | null> {
  const inflate = createInflate();
  let length = 0;
  let damage: Error | null = null;
  inflate.on('error', () => undefined);
  for (const part of parts) inflate.write(part);
  inflate.end();
  try {
    for await (const chunk of inflate) {
      length += (chunk as Uint8Array).length;
      if (length > inflated) break;
    }
  } catch (error) {
    damage = error as Error;
  } finally {
    inflate.destroy();
  }
  if (length === inflated && damage === null) return null;
  const more = length > inflated ? 'more' : `${length}`;
  return {
    rule: `have ${inflated} bytes of image data for its size`,
    got: damage === null ? more : `${length} and ${damage.message}`,
  };
}
