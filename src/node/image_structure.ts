/**
 * What the outer structure of a JPEG or PNG file says, read without decoding it: which of the two it is, whether it is
 * complete, and which way up a photograph is to be shown.
 *
 * Decoders disagree about damaged files (libpng shows a PNG without its end, jpeg-js refuses what libjpeg repairs);
 * checking here gives one answer whichever decoder is installed.
 *
 * Sources: ITU-T T.81 annex B (JPEG markers), the PNG specification section 5, Exif 2.3 section 4.6 (orientation).
 */

export type ImageFormat = 'jpeg' | 'png';

/** The format that the first bytes announce; null for any other. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const starts = (signature: readonly number[]) => signature.every((byte, i) => bytes[i] === byte);
  if (starts([0xff, 0xd8, 0xff])) return 'jpeg';
  if (starts([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'png';
  return null;
}

interface ImageStructure {
  /** What is missing from an incomplete file, in words; null if the file reaches its end marker. */
  defect: string | null;
  /** Exif orientation, 1 (as stored) to 8. */
  orientation: number;
}

/** Walks the segments of a JPEG or the chunks of a PNG. */
export function imageStructure(bytes: Uint8Array, format: ImageFormat): ImageStructure {
  return format === 'jpeg' ? jpegStructure(bytes) : pngStructure(bytes);
}

function jpegStructure(bytes: Uint8Array): ImageStructure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let scans = 0;
  let at = 2; // after SOI
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff) {
      at++; // decoders skip stray bytes between segments, and so does this
      continue;
    }
    const marker = bytes[at + 1]!;
    if (marker === 0xd9) {
      return {defect: scans > 0 ? null : 'it has no scan data', orientation};
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
    if (marker === 0xe1 && at + 2 + length <= bytes.length) {
      orientation = exifOrientation(bytes.subarray(at + 4, at + 2 + length)) ?? orientation;
    }
    at += 2 + length;
    if (marker === 0xda) {
      scans++;
      at = endOfScan(bytes, at);
    }
  }
  return {defect: 'it ends before the end-of-image marker', orientation};
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

function pngStructure(bytes: Uint8Array): ImageStructure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 8; // after the signature
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const isEnd = view.getUint32(at + 4) === 0x49454e44; // 'IEND'
    at += 12 + length;
    if (isEnd && at <= bytes.length) return {defect: null, orientation: 1};
  }
  return {defect: 'it ends before the end chunk', orientation: 1};
}
