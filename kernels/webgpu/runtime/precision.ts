/** How whole blocks store the maps inside of them: float32, or 16-bit floats (wgsl/row_storage.ts). */

export type Precision = 'f32' | 'f16';

let precision: Precision = 'f32';

/** For blocks computed from now on. */
export function setPrecision(wanted: Precision): void {
  precision = wanted;
}

export const precisionInUse = (): Precision => precision;

/** Whether rows of these lengths are stored as 16-bit floats: that is wanted, and all are whole vectors. */
export function storesF16(...lengths: number[]): boolean {
  return precision === 'f16' && lengths.every((length) => length % 4 === 0);
}
