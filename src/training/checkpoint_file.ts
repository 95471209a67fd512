/**
 * A checkpoint as bytes: values as JSON has them, and arrays of numbers anywhere among them, which stay exact.
 *
 *     8 bytes   SWINTCKP
 *     4 bytes   version, 1
 *     4 bytes   CRC-32 of everything behind it
 *     4 bytes   length n of the header
 *     n bytes   JSON, padded with spaces to a multiple of 8; an array of numbers is {"$array": [kind, offset, length]}, and
 *               what JSON has no number for {"$number": "NaN"}
 *     the rest  the arrays, each at a multiple of 8; offsets count from here
 *
 * Numbers are little-endian. A file that was cut short or changed anywhere is a CheckpointError.
 */
import {CheckpointError} from '../errors.js';
import {crc32} from './crc32.js';

/** What a checkpoint holds; undefined in an object is as if it were not there. */
export type Saved = unknown;

const MAGIC = new TextEncoder().encode('SWINTCKP');
const VERSION = 1;
/** Where the header begins. */
const START = 20;
/** What the CRC is over begins here. */
const CHECKED = 16;

const KINDS = {f32: Float32Array, i32: Int32Array, u8: Uint8Array} as const;
type Kind = keyof typeof KINDS;
type Numbers = InstanceType<(typeof KINDS)[Kind]>;

const aligned = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** @throws TypeError for an array of another kind of numbers than float32, int32 and bytes. */
export function encodeCheckpoint(value: Saved): Uint8Array {
  const arrays: {offset: number; array: Numbers}[] = [];
  let size = 0;
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'number' && !Number.isFinite(part)) return {$number: String(part)};
    if (!ArrayBuffer.isView(part)) return part;
    const array = part as Numbers;
    const offset = size;
    arrays.push({offset, array});
    size = aligned(size + array.byteLength);
    return {$array: [kindOf(array), offset, array.length]};
  });
  const json = new TextEncoder().encode(text);
  const length = aligned(START + json.length) - START;
  const bytes = new Uint8Array(START + length + size);
  bytes.set(MAGIC);
  bytes.fill(0x20, START + json.length, START + length);
  bytes.set(json, START);
  for (const {offset, array} of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), START + length + offset);
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(CHECKED, length, true);
  view.setUint32(12, crc32(bytes.subarray(CHECKED)), true);
  return bytes;
}

/** @param name what to call it in messages. @throws CheckpointError where it is no whole checkpoint. */
export function decodeCheckpoint(name: string, bytes: Uint8Array): Saved {
  const fail = (got: string): never => {
    throw new CheckpointError(`${name}: a checkpoint must be whole; got ${got}.`);
  };
  if (bytes.length < START || MAGIC.some((byte, i) => bytes[i] !== byte)) fail('a file of another kind');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    fail(`version ${version}, where ${VERSION} is known (use the release that wrote it)`);
  if (view.getUint32(12, true) !== crc32(bytes.subarray(CHECKED))) fail('a damaged file');
  const begin = START + view.getUint32(CHECKED, true);
  if (begin > bytes.length) fail('a damaged file');
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(START, begin)), (_, part) => {
      if (Array.isArray(part?.$array)) return arrayOf(part.$array, bytes.subarray(begin));
      return typeof part?.$number === 'string' ? Number(part.$number) : part;
    });
  } catch (error) {
    return fail(`a header that cannot be read, ${(error as Error).message}`);
  }
}

function kindOf(array: Numbers): Kind {
  const kind = (Object.keys(KINDS) as Kind[]).find((name) => array instanceof KINDS[name]);
  if (kind === undefined) throw new TypeError('a checkpoint holds arrays of float32, int32 and bytes');
  return kind;
}

/** A copy, so that the file's bytes need not stay in memory. */
function arrayOf([kind, offset, length]: [Kind, number, number], bytes: Uint8Array): Numbers {
  const Type = KINDS[kind];
  const size = length * Type.BYTES_PER_ELEMENT;
  if (!(offset >= 0 && size >= 0 && offset + size <= bytes.length))
    throw new Error('an array outside the file');
  // Not slice(), which in Node's Buffer copies nothing.
  return new Type(new Uint8Array(bytes.subarray(offset, offset + size)).buffer);
}
