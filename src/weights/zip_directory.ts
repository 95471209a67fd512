/**
 * The files inside a zip whose entries are stored, not compressed, read lazily: torch.save writes such.
 *
 *   local header, name, extra, bytes of entry 1      signature PK\3\4
 *   local header, name, extra, bytes of entry 2
 *   ...
 *   central directory: a record for each entry       PK\1\2   sizes, offset of the local header, name
 *   [zip64 end record, zip64 locator]                PK\6\6, PK\6\7   for more than 65,534 entries or 4 GB
 *   end record                                       PK\5\6   entries, size and offset of the directory
 *
 * Only the directory is read at first. Each entry has the bytes from its local header up to the next one's for itself,
 * so that no two overlap. Whatever does not keep to the format is a CheckpointError.
 *
 * Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", sections 4.3 to 4.5.
 */
import {CheckpointError} from '../errors.js';
import type {ByteSource} from './byte_source.js';
import {MemoryBudget} from './memory_budget.js';

/** An entry, its bytes still in the file. */
export interface ZipEntry {
  name: string;
  /** Bytes. */
  size: number;
  /** Where its local header begins, and where it has to have ended. */
  begin: number;
  limit: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const RECORD = 0x02014b50;
const LOCAL = 0x04034b50;

const END_BYTES = 22;
const RECORD_BYTES = 46;
const LOCAL_BYTES = 30;
/** The end record may be followed by a comment of this length at most. */
const MOST_COMMENT = 0xffff;
/** Far more than a checkpoint has, and few enough to be read at once. */
const MOST_ENTRIES = 100_000;
const MOST_DIRECTORY_BYTES = 64 * 2 ** 20;
/** The name of a file of torch.save, and what stands in it. */
const MOST_NAME = 300;
/** Of an entry, its name and its place in the table, in V8. */
const ENTRY_MEMORY = 200;

const decoder = new TextDecoder();

/** Reads numbers of a stretch of the file. */
function dataViewOf(source: ByteSource, offset: number, length: number): DataView {
  const bytes = source.read(offset, length);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

const long = (view: DataView, at: number) =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

function failure(source: ByteSource, rule: string, got: string | number): CheckpointError {
  return new CheckpointError(
    `${source.name}: ${rule}; got ${got} (the file is damaged, or no file of torch.save).`,
  );
}

/** The files of a zip by name. */
export class ZipDirectory {
  readonly entries: ReadonlyMap<string, ZipEntry>;

  /**
   * @param memory What may be taken by the entries; default a budget of their own.
   * @throws CheckpointError naming the file, the rule and what came.
   */
  constructor(
    private readonly source: ByteSource,
    memory = new MemoryBudget(source.size, (rule, got) => failure(source, rule, got)),
  ) {
    this.entries = readDirectory(source, memory);
  }

  /**
   * `length` bytes of an entry from `offset` on.
   *
   * @throws CheckpointError for bytes that it has not, or a local header that is not the directory's.
   */
  read({name, size, begin, limit}: ZipEntry, offset = 0, length = size - offset): Uint8Array {
    const {source} = this;
    if (offset < 0 || length < 0 || offset + length > size) {
      throw failure(source, `${name} must have ${offset + length} bytes`, size);
    }
    const header = dataViewOf(source, begin, LOCAL_BYTES);
    if (header.getUint32(0, true) !== LOCAL)
      throw failure(source, `${name} must begin with PK\\3\\4`, 'others');
    const start = begin + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
    if (start + size > limit) {
      throw failure(source, `${name} must end before what follows it, at ${limit}`, start + size);
    }
    return source.read(start + offset, length);
  }
}

function readDirectory(source: ByteSource, memory: MemoryBudget): Map<string, ZipEntry> {
  const {count, size, offset} = readEnd(source);
  if (count > MOST_ENTRIES)
    throw failure(source, `there must be at most ${MOST_ENTRIES} files inside`, count);
  const most = Math.min(MOST_DIRECTORY_BYTES, source.size - END_BYTES);
  if (size > most || offset + size > source.size - END_BYTES) {
    throw failure(source, 'the directory must lie within the file', `${size} bytes at ${offset}`);
  }
  memory.take(size);
  const view = dataViewOf(source, offset, size);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    memory.take(ENTRY_MEMORY);
    const {entry, length} = readRecord(source, view, at);
    entries.push(entry);
    at += length;
  }
  if (at !== size) throw failure(source, `the directory must have ${size} bytes`, at);
  entries.sort((a, b) => a.begin - b.begin);
  for (const [i, entry] of entries.entries()) {
    entry.limit = entries[i + 1]?.begin ?? offset;
    if (entry.begin + LOCAL_BYTES + entry.size > entry.limit) {
      throw failure(source, `${entry.name} must end before what follows it, at ${entry.limit}`, entry.size);
    }
  }
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  if (byName.size !== count)
    throw failure(source, 'the files inside must differ in their names', 'one twice');
  return byName;
}

/** Where the directory is, from the end record, or from the zip64 one where that has no room for it. */
function readEnd(source: ByteSource): {count: number; size: number; offset: number} {
  if (source.size < END_BYTES)
    throw failure(source, `a zip must have at least ${END_BYTES} bytes`, source.size);
  const length = Math.min(source.size, END_BYTES + MOST_COMMENT);
  const view = dataViewOf(source, source.size - length, length);
  let at = length - END_BYTES;
  const isEnd = () =>
    view.getUint32(at, true) === END && view.getUint16(at + 20, true) === length - at - END_BYTES;
  while (at >= 0 && !isEnd()) at--;
  if (at < 0) throw failure(source, 'a zip must end with PK\\5\\6', 'other bytes');
  const end = {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
  };
  if (end.count !== 0xffff && end.size !== 0xffffffff && end.offset !== 0xffffffff) return end;
  if (at < 20 || view.getUint32(at - 20, true) !== LOCATOR64) {
    throw failure(source, 'a zip of this size must have a zip64 locator', 'none');
  }
  const where = long(view, at - 12);
  if (where + 56 > source.size) throw failure(source, 'the zip64 record must lie within the file', where);
  const record = dataViewOf(source, where, 56);
  if (record.getUint32(0, true) !== END64)
    throw failure(source, 'the zip64 record must begin with PK\\6\\6', 'others');
  return {count: long(record, 32), size: long(record, 40), offset: long(record, 48)};
}

/** The record at `at` of the directory. */
function readRecord(source: ByteSource, view: DataView, at: number): {entry: ZipEntry; length: number} {
  if (at + RECORD_BYTES > view.byteLength || view.getUint32(at, true) !== RECORD) {
    throw failure(source, 'a record of the directory must begin with PK\\1\\2', 'others');
  }
  const short = (offset: number) => view.getUint16(at + offset, true);
  const [nameBytes, extraBytes, commentBytes] = [short(28), short(30), short(32)];
  const length = RECORD_BYTES + nameBytes + extraBytes + commentBytes;
  if (at + length > view.byteLength) throw failure(source, 'a record must lie within the directory', length);
  if (nameBytes > MOST_NAME) {
    throw failure(source, `a file inside must have a name of at most ${MOST_NAME} bytes`, nameBytes);
  }
  const nameAt = view.byteOffset + at + RECORD_BYTES;
  const name = decoder.decode(new Uint8Array(view.buffer, nameAt, nameBytes));
  if (short(8) & 1) throw failure(source, `${name} must not be encrypted`, 'an encrypted one');
  if (short(10) !== 0) {
    throw failure(source, `${name} must be stored, without compression`, `method ${short(10)}`);
  }
  const sizes = {
    size: view.getUint32(at + 24, true),
    stored: view.getUint32(at + 20, true),
    begin: view.getUint32(at + 42, true),
  };
  readExtra64(source, view, at + RECORD_BYTES + nameBytes, extraBytes, sizes);
  const {size, stored, begin} = sizes;
  if (size !== stored) throw failure(source, `${name} must have its ${size} bytes stored`, stored);
  return {entry: {name, size, begin, limit: 0}, length};
}

/** Sizes that did not fit into 32 bits are in the extra field with id 1, in this order. */
function readExtra64(
  source: ByteSource,
  view: DataView,
  begin: number,
  bytes: number,
  sizes: {size: number; stored: number; begin: number},
): void {
  const wanted = (['size', 'stored', 'begin'] as const).filter((key) => sizes[key] === 0xffffffff);
  if (wanted.length === 0) return;
  for (let at = begin; at + 4 <= begin + bytes; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const length = view.getUint16(at + 2, true);
    if (length < 8 * wanted.length || at + 4 + length > begin + bytes) break;
    for (const [i, key] of wanted.entries()) sizes[key] = long(view, at + 4 + 8 * i);
    return;
  }
  throw failure(source, 'a file inside of 4 GB must have its zip64 sizes', 'none');
}
