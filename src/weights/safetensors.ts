/**
 * Safetensors files, read strictly and lazily, and written.
 *
 *   8 bytes      length n of the header, little-endian
 *   n bytes      JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, .., "__metadata__": {..}}
 *   the rest     the tensors, row-major, little-endian; offsets count from here, without holes or overlaps
 *
 * Only the header is read at first; the bytes of a tensor are read when it is asked for. Whatever does not keep to the
 * format is a CheckpointError, found without allocating more than the file is long.
 *
 * Source: the format's description in huggingface/safetensors.
 */
import {CheckpointError} from '../errors.js';

/** Where a file comes from: all of it in memory, or something that reads parts of it. */
export interface ByteSource {
  /** Name in messages. */
  name: string;
  /** Bytes. */
  size: number;
  /** `length` bytes from `offset` on, both within the size. */
  read(offset: number, length: number): Uint8Array;
}

/** Bits of an element. */
const DTYPE_BITS: Readonly<Record<string, number>> = {
  ...{BOOL: 8, U8: 8, I8: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6},
  ...{U16: 16, I16: 16, F16: 16, BF16: 16, U32: 32, I32: 32, F32: 32},
  ...{U64: 64, I64: 64, F64: 64, C64: 64},
};

/** A tensor of the file, its values still there. */
export interface TensorEntry {
  name: string;
  dtype: string;
  shape: readonly number[];
  /** Bytes of the values, from the end of the header on. */
  begin: number;
  end: number;
}

export interface Safetensors {
  /** By name, in the order of their bytes. */
  tensors: ReadonlyMap<string, TensorEntry>;
  metadata: ReadonlyMap<string, string>;
  /**
   * The values of a tensor of type F32, F16 or BF16, as float32.
   *
   * @throws CheckpointError for a name that is not there or another type.
   */
  values(name: string): Float32Array;
}

/** The format's own limit. */
const MOST_HEADER_BYTES = 100_000_000;

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** @throws CheckpointError naming the file, the rule and what came. */
export function openSafetensors(source: ByteSource): Safetensors {
  const fail = (rule: string, got: string): never => {
    throw new CheckpointError(
      `${source.name}: ${rule}; got ${got} (the file is damaged, or no safetensors file).`,
    );
  };
  if (source.size < 8) fail('a safetensors file must have at least 8 bytes', `${source.size}`);
  const start = source.read(0, 8);
  const view = new DataView(start.buffer, start.byteOffset, 8);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  const most = Math.min(MOST_HEADER_BYTES, source.size - 8);
  if (length < 2 || length > most) fail(`the header must have 2 to ${most} bytes`, `${length}`);
  const header = parseHeader(source.read(8, length), fail);
  const bytes = source.size - 8 - length;
  const {tensors, metadata} = checkEntries(header, bytes, fail);
  return {
    tensors,
    metadata,
    values(name) {
      const entry = tensors.get(name);
      if (!entry) throw new CheckpointError(`${source.name}: there must be a tensor ${name}; there is none.`);
      const {dtype, begin, end} = entry;
      const raw = source.read(8 + length + begin, end - begin);
      if (dtype === 'F32') return float32(raw);
      if (dtype === 'F16') return fromHalf(raw);
      if (dtype === 'BF16') return fromBfloat(raw);
      throw new CheckpointError(
        `${source.name}: ${name} must be F32, F16 or BF16 to be used as a weight; got ${dtype}.`,
      );
    },
  };
}

type Fail = (rule: string, got: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let text = '';
  try {
    text = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    fail('the header must be UTF-8', 'other bytes');
  }
  if (text[0] !== '{') fail('the header must begin with {', JSON.stringify(text[0]));
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    fail('the header must be JSON', (error as Error).message);
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) fail('no key of the header may come twice', twice);
  return header as Record<string, unknown>;
}

/** The first key that an object of a valid JSON text has twice: JSON.parse keeps the last and says nothing. */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(null);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const begin = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
      let next = i + 1;
      while (/\s/.test(text[next] ?? '')) next++;
      const keys = open[open.length - 1];
      if (text[next] !== ':' || !keys) continue;
      const key = JSON.parse(text.slice(begin, i + 1)) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkEntries(header: Record<string, unknown>, bytes: number, fail: Fail) {
  const metadata = new Map<string, string>();
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (FORBIDDEN.has(name)) fail('no tensor may have the name of an object property', name);
    if (!isObject(value)) fail(`${shown(name)} must be an object`, typeof value);
    const object = value as Record<string, unknown>;
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(object)) {
        if (typeof text !== 'string') fail(`metadata ${shown(key)} must be a string`, typeof text);
        metadata.set(key, text as string);
      }
      continue;
    }
    const {dtype, shape, data_offsets: offsets, ...others} = object;
    const [other] = Object.keys(others);
    if (other !== undefined) fail(`${shown(name)} must have dtype, shape and data_offsets only`, other);
    const bits = typeof dtype === 'string' && Object.hasOwn(DTYPE_BITS, dtype) ? DTYPE_BITS[dtype] : 0;
    if (bits === 0) fail(`${shown(name)} must be of a known dtype`, shown(String(dtype)));
    if (!Array.isArray(shape) || shape.length > 32 || !shape.every(isSize)) {
      fail(`the shape of ${shown(name)} must be sizes from 0`, shown(JSON.stringify(shape) ?? 'none'));
    }
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
      fail(`data_offsets of ${shown(name)} must be two offsets`, shown(JSON.stringify(offsets) ?? 'none'));
    }
    const [begin, end] = offsets as [number, number];
    const sizes = shape as number[];
    const size = (sizes.reduce((a, b) => a * b, 1) * bits) / 8;
    if (!Number.isSafeInteger(size) || end - begin !== size) {
      fail(`${shown(name)} must have ${size} bytes by its dtype and shape`, `${end - begin}`);
    }
    entries.push({name, dtype: dtype as string, shape: sizes, begin, end});
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const {name, begin, end} of entries) {
    if (begin !== position)
      fail(`${shown(name)} must begin where the tensor before it ends, ${position}`, `${begin}`);
    position = end;
  }
  if (position !== bytes) fail(`the tensors must have all ${bytes} bytes after the header`, `${position}`);
  return {tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata};
}

/** A name as it is printed: short. */
const shown = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

function float32(raw: Uint8Array): Float32Array {
  // The bytes of a file are little-endian, as every platform is that runs this.
  if (raw.byteOffset % 4 === 0) return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  return new Float32Array(raw.slice().buffer);
}

const half = (raw: Uint8Array) =>
  raw.byteOffset % 2 === 0
    ? new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2)
    : new Uint16Array(raw.slice().buffer);

function fromBfloat(raw: Uint8Array): Float32Array {
  const bits = half(raw);
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = bits[i] << 16;
  return new Float32Array(result.buffer);
}

function fromHalf(raw: Uint8Array): Float32Array {
  const halves = half(raw);
  const result = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const sign = halves[i] & 0x8000 ? -1 : 1;
    const exponent = (halves[i] >> 10) & 31;
    const fraction = halves[i] & 1023;
    if (exponent === 0) result[i] = sign * fraction * 2 ** -24;
    else if (exponent < 31) result[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    else result[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  }
  return result;
}

/** A tensor to write. */
export interface NamedValues {
  name: string;
  shape: readonly number[];
  values: Float32Array;
}

/**
 * A file of float32 tensors, in the order given.
 *
 * @throws CheckpointError for a name that comes twice or may not be one.
 */
export function writeSafetensors(
  tensors: readonly NamedValues[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let position = 0;
  for (const {name, shape, values} of tensors) {
    if (Object.hasOwn(header, name) || FORBIDDEN.has(name)) {
      throw new CheckpointError(
        `writeSafetensors: each tensor must have a name of its own; got ${name} twice or forbidden.`,
      );
    }
    header[name] = {dtype: 'F32', shape, data_offsets: [position, position + values.byteLength]};
    position += values.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces, so that the values begin at a multiple of 8.
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, 8, 8 + length);
  file.set(text, 8);
  let at = 8 + length;
  for (const {values} of tensors) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return file;
}

/** All of a file in memory. */
export function bytesSource(bytes: Uint8Array, name = 'checkpoint'): ByteSource {
  return {name, size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length)};
}
