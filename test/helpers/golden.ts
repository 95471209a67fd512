/** Reads the reference tensors in test/golden: float32 safetensors files with their configuration as metadata. */
import {readdirSync, readFileSync} from 'node:fs';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';
import type {NamedValues} from '../../src/weights/safetensors.js';

const folderOf = (name: string) => new URL(`../golden/${name}/`, import.meta.url);

export interface Golden {
  config: Record<string, unknown>;
  tensors: Record<string, NdArray>;
}

/** Names of the files that begin with `kind`, for example `block_v1`. */
export function goldenFiles(kind: string, folder = 'torchvision'): string[] {
  const files = readdirSync(folderOf(folder)).filter((name) => name.startsWith(kind));
  if (files.length === 0) throw new Error(`no golden file begins with ${kind}`);
  return files.sort();
}

/** The tensors of a file. */
export function readGolden(name: string, folder = 'torchvision'): Golden {
  return readGoldenAt(new URL(name, folderOf(folder)));
}

/** The same of a file anywhere. */
export function readGoldenAt(url: URL): Golden {
  const file = readFileSync(url);
  const length = Number(file.readBigUInt64LE(0));
  const {__metadata__: metadata, ...entries} = JSON.parse(file.toString('utf8', 8, 8 + length));
  const tensors: Record<string, NdArray> = {};
  for (const [key, {shape, data_offsets: offsets}] of Object.entries(entries) as [
    string,
    {shape: number[]; data_offsets: [number, number]},
  ][]) {
    const bytes = file.subarray(8 + length + offsets[0], 8 + length + offsets[1]);
    tensors[key] = ndArray(shape, new Float32Array(new Uint8Array(bytes).buffer));
  }
  return {config: JSON.parse(metadata.config), tensors};
}

/** The tensors whose names begin with a prefix, without it: as writeSafetensors takes them. */
export function valuesUnder(prefix: string, tensors: Record<string, NdArray>): NamedValues[] {
  return Object.entries(tensors)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, {shape, data}]) => ({
      name: name.slice(prefix.length),
      shape,
      values: Float32Array.from(data),
    }));
}
