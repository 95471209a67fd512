/** Reads the reference tensors in test/golden: float32 safetensors files with their configuration as metadata. */
import {readdirSync, readFileSync} from 'node:fs';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';

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
  const file = readFileSync(new URL(name, folderOf(folder)));
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
