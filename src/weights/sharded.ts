/**
 * A checkpoint in several files, and the index that says which tensor is in which:
 *
 *   {"metadata": {"total_size": bytes}, "weight_map": {"name": "model-00001-of-00002.safetensors", ..}}
 *
 * The files lie beside the index; each is a checkpoint by itself, and has the tensors that the index says.
 *
 * Source: huggingface/transformers, `save_pretrained` with `max_shard_size`.
 */
import {CheckpointError} from '../errors.js';
import type {ByteSource, ShardIndex} from './byte_source.js';
import type {Checkpoint, TensorEntry} from './checkpoint.js';
import {isSize} from './is_size.js';

/** Far more than the index of a network that this library builds has. */
const MOST_INDEX_BYTES = 2 ** 24;

/** Whether a file can be an index, by its first bytes. */
export function startsAsIndex(start: Uint8Array): boolean {
  return /^\s*\{\s*"(metadata|weight_map)"/.test(new TextDecoder().decode(start.subarray(0, 512)));
}

/** @throws CheckpointError for what is no index. */
export function readIndex({name, size, read}: ByteSource): ShardIndex {
  const fail = (rule: string, got: string): never => {
    throw new CheckpointError(`${name}: ${rule}; got ${got} (the file is damaged, or no index of shards).`);
  };
  if (size > MOST_INDEX_BYTES) fail(`an index must have at most ${MOST_INDEX_BYTES} bytes`, `${size}`);
  let index: {weight_map?: unknown; metadata?: {total_size?: unknown}} | null = null;
  try {
    index = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(read(0, size)));
  } catch (error) {
    fail('an index must be JSON', (error as Error).message);
  }
  const map = index?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    fail('an index must have a weight_map, the file of each tensor', `${typeof map}`);
  }
  const fileOf = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map as object)) {
    // Beside the index, and nowhere else.
    if (typeof file !== 'string' || !/^[^/\\:?#%]+$/.test(file) || /^\.\.?$/.test(file)) {
      fail(
        `the file of ${tensor.slice(0, 80)} must be a name without a folder`,
        JSON.stringify(file).slice(0, 80),
      );
    }
    fileOf.set(tensor, file as string);
  }
  if (fileOf.size === 0) fail('the weight_map must have tensors', 'none');
  const total = index?.metadata?.total_size;
  return {files: [...new Set(fileOf.values())], fileOf, ...(isSize(total) && {totalSize: total})};
}

/**
 * The checkpoint that an index describes.
 *
 * @param open Opens a file of it.
 * @throws CheckpointError where the files are not at hand, or have other tensors than the index says.
 */
export function openSharded(source: ByteSource, open: (source: ByteSource) => Checkpoint): Checkpoint {
  const {files, fileOf} = source.index ?? readIndex(source);
  const {name, beside} = source;
  if (beside === undefined) {
    throw new CheckpointError(
      `${name}: an index must come with the files that it names, ${files[0]} and others; got its bytes alone (give its path ` +
        'or its URL).',
    );
  }
  const shards = new Map(
    files.map((file) => {
      const shard = beside(file);
      if (startsAsIndex(shard.read(0, Math.min(shard.size, 512)))) {
        throw new CheckpointError(
          `${shard.name}: a file that an index names must have tensors; got an index.`,
        );
      }
      return [file, open(shard)];
    }),
  );
  const tensors = new Map<string, TensorEntry>();
  for (const [tensor, file] of fileOf) {
    const entry = shards.get(file)!.tensors.get(tensor);
    if (!entry) {
      throw new CheckpointError(
        `${name}: each tensor must be in the file that the index says; got no ${tensor} in ${file} (files of another ` +
          'checkpoint, or an older index?).',
      );
    }
    tensors.set(tensor, entry);
  }
  for (const [file, shard] of shards) {
    const other = [...shard.tensors.keys()].find((tensor) => fileOf.get(tensor) !== file);
    if (other === undefined) continue;
    throw new CheckpointError(
      `${name}: the index must say where each tensor of its files is; got ${other} in ${file} alone (files of another ` +
        'checkpoint, or an older index?).',
    );
  }
  const {format, metadata} = shards.get(files[0])!;
  return {
    ...{name, format, tensors},
    ...(metadata && {metadata}),
    values(tensor) {
      const file = fileOf.get(tensor);
      if (file === undefined) {
        throw new CheckpointError(`${name}: there must be a tensor ${tensor}; there is none.`);
      }
      return shards.get(file)!.values(tensor);
    },
  };
}
