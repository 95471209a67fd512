/** Copies of rows of bytes on the wasm heap that lie apart, into rows next to each other; see assembly/kernels/permute. */

import {BackendError} from '../../common/errors.js';
import type {KernelExports} from '../runtime/kernel_exports.js';

/** One number for each of the outer axes of assembly/kernels/permute. */
export type FourNumbers = [number, number, number, number];

/** An axis of rows: how many, and how many bytes of the source they are apart. */
export interface RowAxis {
  size: number;
  step: number;
}

/** `axes`, at most four, as assembly/kernels/permute takes them: axes of size 1 in front, sizes and one number for each. */
export function fourAxes<Axis extends {size: number}>(
  axes: readonly Axis[],
  ...numbers: Array<(axis: Axis) => number>
): FourNumbers[] {
  if (axes.length > 4) {
    throw new BackendError(`wasm: a tensor must have at most 6 axes; got ${axes.length + 2}.`);
  }
  const padded = [undefined, undefined, undefined, undefined, ...axes].slice(-4);
  const sizes = padded.map((axis) => axis?.size ?? 1) as FourNumbers;
  return [sizes, ...numbers.map((of) => padded.map((axis) => (axis ? of(axis) : 0)) as FourNumbers)];
}

/** Copies rows of `bytes` bytes; `axes`, at most five, in the order of the target. No size may be 0. */
export function copyRows(
  kernels: KernelExports,
  from: number,
  to: number,
  axes: readonly RowAxis[],
  bytes: number,
): void {
  const {size: rows, step} = axes.at(-1) ?? {size: 1, step: 0};
  const [sizes, steps] = fourAxes(axes.slice(0, -1), (axis: RowAxis) => axis.step) as [
    FourNumbers,
    FourNumbers,
  ];
  kernels.copyRows(from, to, ...sizes, ...steps, rows, step, bytes);
}
