/**
 * Damaged safetensors files and files of torch.save. Work and memory are counted:
 *
 *     bytes read to open a file        at most 3 times its size, and the 70,000 that the search for a zip's end takes
 *     bytes read for a tensor          at most twice the size, and the same
 *     values of a tensor               at most 4 times the size
 *     reads of a pickle's bytes        at most 2 for each byte: no opcode of a pickle does more than its bytes say
 */
import {readdirSync, readFileSync} from 'node:fs';
import {expect} from 'chai';
import {CheckpointError} from '../../../src/errors.js';
import type {ByteSource} from '../../../src/weights/byte_source.js';
import {openCheckpoint} from '../../../src/weights/open_checkpoint.js';
import {PickleBytes} from '../../../src/weights/pickle_bytes.js';
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

/** Opens a file and reads all its weights; counts what is read. */
export function readCheckpoint(bytes: Uint8Array): Reading {
  let taken = 0;
  const source: ByteSource = {
    name: 'x',
    size: bytes.length,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
        throw new Error(`a read outside of the file, ${length} bytes at ${offset} of ${bytes.length}`);
      }
      taken += length;
      return bytes.slice(offset, offset + length);
    },
  };
  const open = () => {
    try {
      return openCheckpoint(source);
    } catch (error) {
      if (error instanceof CheckpointError) return undefined;
      throw error;
    }
  };
  const {result: file, steps} = countingSteps(open);
  expect(taken, 'bytes read to open it').to.be.at.most(3 * bytes.length + SEARCH);
  expect(steps, 'reads of the pickle').to.be.at.most(2 * bytes.length);
  for (const [name, {shape}] of file?.tensors ?? []) {
    taken = 0;
    try {
      const read = file!.values(name);
      expect(read.length).to.equal(shape.reduce((a, b) => a * b, 1));
      expect(read.byteLength, 'bytes of values').to.be.at.most(4 * bytes.length);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
    expect(taken, 'bytes read for a tensor').to.be.at.most(2 * bytes.length + SEARCH);
  }
  return {read: file !== undefined, size: bytes.length};
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
