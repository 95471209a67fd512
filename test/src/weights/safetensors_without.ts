import {bytesSource} from '../../../src/weights/byte_source.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';

/** The same file without the tensors of these names. */
export function safetensorsWithout(bytes: Uint8Array, names: RegExp): Uint8Array {
  const {tensors, values} = openSafetensors(bytesSource(bytes));
  const kept = [...tensors].filter(([name]) => !names.test(name));
  return writeSafetensors(kept.map(([name, {shape}]) => ({name, shape, values: values(name)})));
}
