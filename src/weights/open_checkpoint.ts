/**
 * Opens a checkpoint whatever its format, found by its first bytes:
 *
 *   safetensors          8 bytes of length, then {
 *   torch.save, a zip    PK\3\4
 *   an index of shards   { and metadata or weight_map
 *   torch.save before 1.6, a pickle or a tar: refused
 */
import {CheckpointError} from '../errors.js';
import type {ByteSource} from './byte_source.js';
import type {Checkpoint} from './checkpoint.js';
import {openSafetensors} from './safetensors.js';
import {openSharded, startsAsIndex} from './sharded.js';
import {openTorchCheckpoint} from './torch_checkpoint.js';

/** @throws CheckpointError naming the file, the rule and what came. */
export function openCheckpoint(source: ByteSource): Checkpoint {
  const start = source.read(0, Math.min(source.size, 512));
  const begins = (text: string) => [...text].every((letter, i) => start[i] === letter.charCodeAt(0));
  if (start[8] === 0x7b) return openSafetensors(source);
  if (begins('PK\x03\x04')) return openTorchCheckpoint(source);
  if (startsAsIndex(start)) return openSharded(source, openCheckpoint);
  if (begins('\x80') || isTar(source)) {
    throw new CheckpointError(
      `${source.name}: a checkpoint must be a safetensors file or one of torch.save since 1.6; got a bare pickle or a ` +
        'tar (load it where it was saved and save it anew: torch.save(state_dict, path) of torch 1.6 or newer).',
    );
  }
  return openSafetensors(source);
}

/**
 * Whether a file can be a checkpoint, by its first 512 bytes, before the others have come.
 *
 * @throws CheckpointError where it cannot.
 */
export function checkStart(name: string, start: Uint8Array): void {
  const isZip = start[0] === 0x50 && start[1] === 0x4b;
  const isPickle = start[0] === 0x80;
  const isSafetensors = start[8] === 0x7b;
  if (isZip || isPickle || isSafetensors || startsAsIndex(start)) return;
  if (isTar({name, size: start.length, read: reader(start)})) return;
  const text = new TextDecoder().decode(start.subarray(0, 40));
  throw new CheckpointError(
    `${name}: a checkpoint must be a safetensors file or one of torch.save; got one that begins with ` +
      `${JSON.stringify(text)}${/^\s*</.test(text) ? ' (a page; is this the address of the file itself?)' : ''}.`,
  );
}

const reader = (bytes: Uint8Array) => (offset: number, length: number) =>
  bytes.subarray(offset, offset + length);

function isTar(source: ByteSource): boolean {
  if (source.size < 512) return false;
  return String.fromCharCode(...source.read(257, 5)) === 'ustar';
}
