/**
 * How the rows of a map lie in memory, and WGSL that reads and writes their elements:
 *
 *   numbers   array<f32>, rows of any length
 *   vectors   array<vec4f>, rows of whole vectors of four numbers
 *   f16       array<vec2u>, the same vectors as 16-bit floats: half the bytes
 *
 * Sums and everything in registers are float32, whatever the storage. A vec2u holds four numbers as pack2x16float makes
 * them: 1 sign, 5 exponent and 10 fraction bits, |v| <= 65504. Every device has that function and its inverse; no feature
 * is needed.
 *
 * Stored as f16: the maps between the products of a block, and the tensors that a block saves for its gradient. Maps between
 * blocks stay float32, and so do gradients: many are below the smallest 16-bit float.
 *
 * Source: Micikevicius et al. 2018, "Mixed Precision Training".
 */

export type RowStorage = 'numbers' | 'vectors' | 'f16';

/** The storage of rows of so many numbers; rows stored as f16 are always whole vectors. */
export function rowStorage(length: number, f16 = false): RowStorage {
  if (f16) return 'f16';
  return length % 4 === 0 ? 'vectors' : 'numbers';
}

/** The storage of a float32 map with rows of the same length. */
export const float32Storage = (storage: RowStorage): RowStorage =>
  storage === 'numbers' ? 'numbers' : 'vectors';

/** WGSL type of an element in memory. */
export const elementType = (storage: RowStorage) =>
  ({numbers: 'f32', vectors: 'vec4f', f16: 'vec2u'})[storage];

/** WGSL type of an element in registers. */
export const registerType = (storage: RowStorage) => elementType(float32Storage(storage));

/** WGSL functions that a shader with f16 storage needs: four numbers from and to memory. */
export const F16_FUNCTIONS = `
fn fromF16(v: vec2u) -> vec4f { return vec4f(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn toF16(v: vec4f) -> vec2u { return vec2u(pack2x16float(v.xy), pack2x16float(v.zw)); }`;

/** WGSL expression: element `at` of the buffer `name`. */
export const loadElement = (name: string, at: string, storage: RowStorage) =>
  storage === 'f16' ? `fromF16(${name}[${at}])` : `${name}[${at}]`;

/** WGSL statement: writes `value` to element `at` of the buffer `name`. */
export const storeElement = (name: string, at: string, value: string, storage: RowStorage) =>
  `${name}[${at}] = ${storage === 'f16' ? `toF16(${value})` : value};`;
