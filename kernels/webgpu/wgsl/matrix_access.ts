/** WGSL that reads and writes a matrix in memory, four numbers of a row at a time, whatever the storage of its rows. */
import {loadElement, type RowStorage, storeElement} from './row_storage.js';

/** Expression: four numbers of `name` from `at` on, of which `left` belong to the row; zeros for the others. */
export const loadZeroPadded = (name: string, storage: RowStorage, at: string, left: string) =>
  storage === 'numbers'
    ? `vec4f(${name}[${at}], ${[1, 2, 3]
        .map((i) => `select(0.0, ${name}[min(${at} + ${i}u, arrayLength(&${name}) - 1u)], ${left} > ${i}u)`)
        .join(', ')})`
    : loadElement(name, `(${at}) / 4u`, storage);

/** Expression: four numbers of `name` from `at` on, of which `left` are wanted; any for the others. */
export const loadClamped = (name: string, storage: RowStorage, at: string) =>
  storage === 'numbers'
    ? `vec4f(${name}[${at}], ${[1, 2, 3].map((i) => `${name}[${at} + min(${i}u, left - 1u)]`).join(', ')})`
    : loadElement(name, `${at} / 4u`, storage);

/** Statements: write the vector `value` to `name` from `at` on, as far as `left` reaches. */
export const storeClipped = (name: string, storage: RowStorage, at: string, value: string) =>
  storage === 'numbers'
    ? `${name}[${at}] = ${value}.x;
          if (left > 1u) { ${name}[${at} + 1u] = ${value}.y; }
          if (left > 2u) { ${name}[${at} + 2u] = ${value}.z; }
          if (left > 3u) { ${name}[${at} + 3u] = ${value}.w; }`
    : storeElement(name, `${at} / 4u`, value, storage);

/**
 * The function by which tile_loop reads a factor that is a matrix in memory: `inner` counts along its rows, of `width`
 * numbers, `outer` across them; zeros outside of it.
 *
 * @param prepare what the four numbers `v` go through.
 * @param ones whether a column of ones follows the last one.
 */
export function factorReader(
  name: 'a' | 'b',
  storage: RowStorage,
  width: string,
  prepare = '',
  ones = false,
): string {
  return `
fn ${name}At(outer: u32, inner: u32, outerEnd: u32) -> vec4f {
  if (outer >= outerEnd) { return vec4f(); }
  if (inner >= ${width}) { return ${ones ? `vec4f(select(0.0, 1.0, inner == ${width}), 0.0, 0.0, 0.0)` : 'vec4f()'}; }
  let left = ${width} - inner;
  var v = ${loadZeroPadded(name, storage, `outer * ${width} + inner`, 'left')};
  ${prepare}${ones && storage === 'numbers' ? '\n  if (left < 4u) { v[left] = 1.0; }' : ''}
  return v;
}`;
}
