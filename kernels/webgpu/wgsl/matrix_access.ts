/** WGSL that reads and writes a matrix in memory, four numbers of a row at a time: as vectors where its rows are whole ones. */
import {packed, vectorAt} from './f16_storage.js';

/** Whether rows are whole vectors; 'half': of 16-bit floats. */
export type Rows = boolean | 'half';

/** Four numbers of `name` from `at` on, of which `left` belong to its row; zeros for the others. */
export const four = (name: string, rows: Rows, at: string, left: string) =>
  rows
    ? vectorAt(name, `(${at}) / 4u`, rows === 'half')
    : `vec4f(${name}[${at}], ${[1, 2, 3]
        .map((i) => `select(0.0, ${name}[min(${at} + ${i}u, arrayLength(&${name}) - 1u)], ${left} > ${i}u)`)
        .join(', ')})`;

/** Four numbers of `name` from `at` on, of which `left` are wanted; any for the others. */
export const loaded = (name: string, rows: Rows, at: string) =>
  rows
    ? vectorAt(name, `${at} / 4u`, rows === 'half')
    : `vec4f(${name}[${at}], ${[1, 2, 3].map((i) => `${name}[${at} + min(${i}u, left - 1u)]`).join(', ')})`;

/** Writes the vector `value` to `name` from `at` on, as far as `left` reaches. */
export const stored = (name: string, rows: Rows, at: string, value: string) =>
  rows
    ? `${name}[${at} / 4u] = ${packed(value, rows === 'half')};`
    : `${name}[${at}] = ${value}.x;
          if (left > 1u) { ${name}[${at} + 1u] = ${value}.y; }
          if (left > 2u) { ${name}[${at} + 2u] = ${value}.z; }
          if (left > 3u) { ${name}[${at} + 3u] = ${value}.w; }`;

/**
 * The function by which tile_loop reads a factor that is a matrix in memory: `inner` counts along its rows, of `width`
 * numbers, `outer` across them; zeros outside of it.
 *
 * @param prepare what the four numbers `v` go through.
 * @param ones whether a column of ones follows the last one.
 */
export function reader(name: 'a' | 'b', rows: Rows, width: string, prepare = '', ones = false): string {
  return `
fn ${name}At(outer: u32, inner: u32, outerEnd: u32) -> vec4f {
  if (outer >= outerEnd) { return vec4f(); }
  if (inner >= ${width}) { return ${ones ? `vec4f(select(0.0, 1.0, inner == ${width}), 0.0, 0.0, 0.0)` : 'vec4f()'}; }
  let left = ${width} - inner;
  var v = ${four(name, rows, `outer * ${width} + inner`, 'left')};
  ${prepare}${ones && !rows ? '\n  if (left < 4u) { v[left] = 1.0; }' : ''}
  return v;
}`;
}
