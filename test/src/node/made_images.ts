/** Image files made byte by byte: for tests with headers that lie, data that is missing, and the like. */
import {crc32, deflateSync} from 'node:zlib';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A chunk of a PNG, its checksum right. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(typed) >>> 0);
  return Buffer.concat([length, typed, sum]);
}

export interface MadePng {
  width: number;
  height: number;
  /** Bits per value; default 8. */
  depth?: number;
  /** Default 0, grey. */
  colourType?: number;
  /** Default 0, none. */
  interlace?: number;
  /** Rows with a filter byte each, before compression; null for a file without image data. */
  rows: Uint8Array | null;
  /** Chunks between the header and the image data. */
  between?: Uint8Array;
}

export function madePng({
  width,
  height,
  depth = 8,
  colourType = 0,
  interlace = 0,
  rows,
  between,
}: MadePng): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, interlace], 8);
  return Buffer.concat([
    Buffer.from(SIGNATURE),
    pngChunk('IHDR', header),
    between ?? Buffer.alloc(0),
    rows === null ? Buffer.alloc(0) : pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A segment of a JPEG: its marker, length and payload. */
export function jpegSegment(marker: number, payload: readonly number[]): number[] {
  const length = payload.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...payload];
}

/** A grey progressive JPEG of so many scans of so many bytes. */
export function progressiveJpeg(width: number, height: number, scans: number, bytesOfScan = 1): Uint8Array {
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  // One code of one bit in each table.
  const table = [1, ...new Array<number>(15).fill(0), 0];
  const scan = [...jpegSegment(0xda, [1, 1, 0, 1, 63, 0]), ...new Array<number>(bytesOfScan).fill(0)];
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...jpegSegment(0xdb, [0, ...new Array<number>(64).fill(1)]),
    ...jpegSegment(0xc2, [8, ...size, 1, 1, 0x11, 0]),
    ...jpegSegment(0xc4, [0, ...table]),
    ...jpegSegment(0xc4, [0x10, ...table]),
    ...jpegSegment(0xda, [1, 1, 0, 0, 0, 0]),
    ...new Array<number>(bytesOfScan).fill(0),
    ...Array.from({length: scans - 1}, () => scan).flat(),
    ...[0xff, 0xd9],
  ]);
}
