/**
 * Damaged safetensors files, files of torch.save, and indexes of checkpoints in several files. Work and memory are counted:
 *
 *     bytes read to open a file        at most 3 times its size, and the 70,000 that the search for a zip's end takes
 *     bytes read for a tensor          at most twice the size, and the same
 *     values of a tensor               at most 4 times the size
 *     reads of a pickle's bytes        at most 2 for each byte: no opcode of a pickle does more than its bytes say
 */
import {readdirSync, readFileSync} from 'node:fs';
import {expect} from 'chai';
import {CheckpointError} from '../../../src/errors.js';
import {type ByteSource, bytesSource} from '../../../src/weights/byte_source.js';
import {openCheckpoint} from '../../../src/weights/open_checkpoint.js';
import {PickleBytes} from '../../../src/weights/pickle_bytes.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {damaged, damagedJson, overwritten, pick, type Random} from '../../helpers/damage.js';
import {type FileFormat, type Reading, ROOM} from './file_format.js';

const MEGABYTE = 2 ** 20;

/** Search for the end record of a zip, with its comment. */
const SEARCH = 70_000;

/** What `work` returns, and how often it read bytes of a pickle. */
function countingSteps<T>(work: () => T): {result: T; steps: number} {
  const {skip} = PickleBytes.prototype;
  let steps = 0;
  PickleBytes.prototype.skip = function (length) {
    steps++;
    return skip.call(this, length);
  };
  try {
    return {result: work(), steps};
  } finally {
    PickleBytes.prototype.skip = skip;
  }
}

/** Files by name; a checkpoint in one file has no others beside it. */
type Files = ReadonlyMap<string, Uint8Array>;

/** Opens a file and reads all its weights; counts what is read. */
export function readCheckpoint(first: Uint8Array, others: Files = new Map()): Reading {
  let taken = 0;
  const sourceOf = (name: string, bytes: Uint8Array): ByteSource => ({
    name,
    size: bytes.length,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
        throw new Error(`a read outside of the file, ${length} bytes at ${offset} of ${bytes.length}`);
      }
      taken += length;
      return bytes.slice(offset, offset + length);
    },
    beside(name) {
      const other = others.get(name);
      if (other === undefined)
        throw new CheckpointError(`${name}: there must be such a file; there is none.`);
      return sourceOf(name, other);
    },
  });
  const source = sourceOf('x', first);
  const size = [...others.values()].reduce((sum, {length}) => sum + length, first.length);
  const most = 2 * size + SEARCH * (1 + others.size);
  const open = () => {
    try {
      return openCheckpoint(source);
    } catch (error) {
      if (error instanceof CheckpointError) return undefined;
      throw error;
    }
  };
  const {result: file, steps} = countingSteps(open);
  expect(taken, 'bytes read to open it').to.be.at.most(most + size);
  expect(steps, 'reads of the pickle').to.be.at.most(2 * size);
  for (const [name, {shape}] of file?.tensors ?? []) {
    taken = 0;
    try {
      const read = file!.values(name);
      expect(read.length).to.equal(shape.reduce((a, b) => a * b, 1));
      expect(read.byteLength, 'bytes of values').to.be.at.most(4 * size);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
    expect(taken, 'bytes read for a tensor').to.be.at.most(most);
  }
  return {read: file !== undefined, size};
}

/** A safetensors file with a header that is JSON, but not the right one. */
function otherHeader(random: Random, bytes: Uint8Array): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const text = new TextEncoder().encode(JSON.stringify(damagedJson(random, header)));
  const result = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(bytes.subarray(8 + length), 8 + text.length);
  return result;
}

const golden = (folder: string, ending: RegExp) => {
  const path = new URL(`../../golden/${folder}/`, import.meta.url);
  return readdirSync(path)
    .filter((name) => ending.test(name))
    .map((name) => new Uint8Array(readFileSync(new URL(name, path))))
    .filter(({length}) => length < MEGABYTE);
};

/** A format whose files are these. */
function format(
  name: string,
  corpus: readonly Uint8Array[],
  damage: (random: Random, bytes: Uint8Array) => Uint8Array,
): FileFormat {
  return {
    name,
    mostMemory: ROOM + 16 * MEGABYTE,
    async open() {
      // Before they are damaged, all can be read but those that old versions of torch wrote.
      expect(corpus.filter((bytes) => readCheckpoint(bytes).read).length).to.be.above(5);
      return {run: async (random) => readCheckpoint(damage(random, pick(random, corpus)))};
    },
  };
}

const safetensorsFiles = [
  ...golden('torch', /\.safetensors$/),
  ...golden('torchvision', /merging.*\.safetensors$/),
];
const torchFiles = golden('torch', /\.pth$/);

export const safetensors = format('safetensors', safetensorsFiles, (random, bytes) =>
  random() < 0.5 ? otherHeader(random, bytes) : damaged(random, bytes, safetensorsFiles),
);

export const torch = format('torch', torchFiles, (random, bytes) =>
  random() < 0.6 ? overwritten(random, bytes) : damaged(random, bytes, torchFiles),
);

const INDEX = 'model.safetensors.index.json';

/** A checkpoint in three files, and their index. */
function shardsOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const {tensors, values} = openSafetensors(bytesSource(bytes));
  const files = new Map<string, Uint8Array>();
  const map: Record<string, string> = {};
  for (const part of [0, 1, 2]) {
    const file = `model-0000${part + 1}-of-00003.safetensors`;
    const mine = [...tensors].filter((_, i) => i % 3 === part);
    for (const [name] of mine) map[name] = file;
    files.set(file, writeSafetensors(mine.map(([name, {shape}]) => ({name, shape, values: values(name)}))));
  }
  const index = {metadata: {total_size: bytes.length}, weight_map: map};
  return files.set(INDEX, new TextEncoder().encode(JSON.stringify(index)));
}

/** The index, or at times a file that it names, damaged. */
function damagedShards(random: Random, whole: Files): Map<string, Uint8Array> {
  const files = new Map(whole);
  const index = files.get(INDEX)!;
  if (random() < 0.2) {
    const [name, bytes] = pick(random, [...files]);
    files.set(name, overwritten(random, bytes));
  } else if (random() < 0.6) {
    const other = damagedJson(random, JSON.parse(new TextDecoder().decode(index)));
    files.set(INDEX, new TextEncoder().encode(JSON.stringify(other)));
  } else {
    files.set(INDEX, damaged(random, index, [...files.values()]));
  }
  return files;
}

function readShards(files: Map<string, Uint8Array>): Reading {
  return readCheckpoint(files.get(INDEX)!, files);
}

export const indexes: FileFormat = {
  name: 'index',
  mostMemory: ROOM + 16 * MEGABYTE,
  async open() {
    const corpus = golden('torch', /^(state_dict|checkpoint|swin)\.safetensors$/).map(shardsOf);
    for (const whole of corpus) expect(readShards(whole).read).to.equal(true);
    return {run: async (random) => readShards(damagedShards(random, pick(random, corpus)))};
  },
};
