/**
 * The segments of a JPEG: size, scans, end and Exif orientation.
 *
 * Sources: ITU-T T.81 annex B (markers), Exif 2.3 section 4.6 (orientation).
 */
import {MOST_SCANS} from './image_limits.js';
import type {StoredImage} from './stored_image.js';

const END = 0xd9;
const SCAN = 0xda;
const APP1 = 0xe1;
/** Start of frame: c0 to cf without Huffman tables (c4), extensions (c8) and arithmetic conditioning (cc). */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

export function jpegStructure(bytes: Uint8Array): StoredImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result: StoredImage = {fault: null, width: 0, height: 0, orientation: 1};
  const fail = (rule: string, got: string) => ({...result, fault: {rule, got}});
  let scans = 0;
  let frames = 0;
  let at = 2; // after SOI
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff) {
      at++; // decoders skip stray bytes between segments, and so does this
      continue;
    }
    const marker = bytes[at + 1]!;
    if (marker === END) {
      if (scans === 0) return fail('be complete', `${bytes.length} bytes and it has no scan data`);
      if (scans > MOST_SCANS) return fail(`have at most ${MOST_SCANS} scans`, `${scans}`);
      return frames === 1 ? result : fail('have one frame', `${frames}`);
    }
    // Fill bytes, and markers without a length: TEM and the restart markers.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0x00 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    if (at + 4 > bytes.length) break;
    const length = view.getUint16(at + 2);
    const payload = bytes.subarray(at + 4, at + 2 + length);
    if (marker === APP1 && payload.length + 2 === length) {
      result.orientation = exifOrientation(payload) ?? result.orientation;
    }
    if (isFrame(marker) && payload.length >= 6) {
      frames++;
      [result.height, result.width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      const components = payload[5]!;
      if (result.height === 0 || result.width === 0) {
        return fail('have 1 to 65535 pixels a side', `${result.height}x${result.width}`);
      }
      if (![1, 3, 4].includes(components)) return fail('have 1, 3 or 4 components', `${components}`);
    }
    at += 2 + length;
    if (marker === SCAN) {
      scans++;
      at = endOfScan(bytes, at);
    }
  }
  return fail('be complete', `${bytes.length} bytes and it ends before the end-of-image marker`);
}

/** Position of the first marker after the entropy-coded data that begins at `at`; the file's end if there is none. */
function endOfScan(bytes: Uint8Array, at: number): number {
  let i = at;
  for (;;) {
    i = bytes.indexOf(0xff, i);
    if (i < 0 || i + 1 >= bytes.length) return bytes.length;
    const next = bytes[i + 1]!;
    // 0xff00 is a coded 0xff, 0xffd0 to 0xffd7 restart the coder: both belong to the scan.
    if (next === 0x00 || (next >= 0xd0 && next <= 0xd7)) i += 2;
    else if (next === 0xff) i++;
    else return i;
  }
}

/** The orientation in an APP1 segment's payload; undefined if it is no Exif or has none. */
function exifOrientation(payload: Uint8Array): number | undefined {
  const header = [0x45, 0x78, 0x69, 0x66, 0, 0]; // 'Exif\0\0'
  if (payload.length < 14 || !header.every((byte, i) => payload[i] === byte)) return undefined;
  const tiff = new DataView(payload.buffer, payload.byteOffset + 6, payload.byteLength - 6);
  const order = tiff.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const directory = tiff.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return undefined;
  const entries = tiff.getUint16(directory, little);
  for (let k = 0; k < entries; k++) {
    const entry = directory + 2 + 12 * k;
    if (entry + 12 > tiff.byteLength) return undefined;
    if (tiff.getUint16(entry, little) !== 0x0112) continue;
    const value = tiff.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
