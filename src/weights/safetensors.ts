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
import type {ByteSource} from './byte_source.js';
import type {Checkpoint, TensorEntry} from './checkpoint.js';
import {DTYPE_BITS, float32Values, toHalf} from './dtypes.js';
import {isSize} from './is_size.js';

export interface Safetensors extends Checkpoint {
  metadata: ReadonlyMap<string, string>;
}

/** A tensor and where its bytes are, counted from the end of the header. */
interface Entry extends TensorEntry {
  name: string;
  begin: number;
  end: number;
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
  if (most < 2) fail('a safetensors file must have at least 10 bytes', `${source.size}`);
  const range = most > 2 ? `2 to ${most} bytes` : '2 bytes';
  if (length < 2 || length > most) fail(`the header must have ${range}`, `${length}`);
  const header = parseHeader(source.read(8, length), fail);
  const bytes = source.size - 8 - length;
  const {tensors, metadata} = checkEntries(header, bytes, fail);
  return {
    name: source.name,
    format: 'safetensors',
    tensors,
    metadata,
    values(name) {
      const entry = tensors.get(name);
      if (!entry) throw new CheckpointError(`${source.name}: there must be a tensor ${name}; there is none.`);
      const {dtype, begin, end} = entry;
      return float32Values(`${source.name}: ${name}`, dtype, source.read(8 + length + begin, end - begin));
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

function checkEntries(header: Record<string, unknown>, bytes: number, fail: Fail) {
  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
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

/** A tensor to write. */
export interface NamedValues {
  name: string;
  shape: readonly number[];
  values: Float32Array;
}

/** Whole numbers to write, as int64. */
export interface NamedWholeNumbers extends Omit<NamedValues, 'values'> {
  values: BigInt64Array;
}

/** The types that floating-point values can be written as. */
export const FLOAT_TYPES = ['float32', 'float16'] as const;
export type FloatType = (typeof FLOAT_TYPES)[number];

/**
 * A file of tensors, in the order given.
 *
 * @param dtype Of all that are no whole numbers; float16 is the nearest one, ties to even. Default float32.
 * @throws CheckpointError for a name that comes twice or may not be one, or a value too large for float16.
 */
export function writeSafetensors(
  tensors: readonly (NamedValues | NamedWholeNumbers)[],
  metadata: Readonly<Record<string, string>> = {},
  dtype: FloatType = 'float32',
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
    const [written, bits] = typeOf(values, dtype);
    const end = position + (values.length * bits) / 8;
    header[name] = {dtype: written, shape, data_offsets: [position, end]};
    position = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces, so that the values begin at a multiple of 8.
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, 8, 8 + length);
  file.set(text, 8);
  let at = 8 + length;
  for (const {name, values} of tensors) {
    const isHalf = dtype === 'float16' && values instanceof Float32Array;
    const {buffer, byteOffset, byteLength} = isHalf ? halves(name, values) : values;
    file.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return file;
}

function typeOf(values: Float32Array | BigInt64Array, dtype: FloatType): [string, bits: number] {
  if (values instanceof BigInt64Array) return ['I64', 64];
  return dtype === 'float32' ? ['F32', 32] : ['F16', 16];
}

function halves(name: string, values: Float32Array): Uint16Array {
  const bits = values.every(Number.isFinite) ? toHalf(values) : null;
  if (bits) return bits;
  throw new CheckpointError(
    `writeSafetensors: values must be within 65504 of 0 to be float16; got others in ${name} (leave dtype out: float32).`,
  );
}
