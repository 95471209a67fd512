/** The arguments of the units of a convolution and of its gradient for the input; see convolution.ts. */
import {ConvolutionSizes} from './sizes';

@unmanaged
export class Convolution extends ConvolutionSizes {
  source: usize;
  filter: usize;
  to: usize;
  bias: usize;
  activation: i32;
  gradient: bool;
  /** Shared scratch: a flag, a row of zeros, the panels. */
  flag: usize;
  zeros: usize;
  panels: usize;
  /** Cells and channels of what is read. */
  sourceHeight: i32;
  sourceWidth: i32;
  inner: i32;
  /** Cells and channels of the result. */
  rows: i32;
  columns: i32;
  n: i32;
  /** Most cells of a list, and how the work is cut. */
  block: i32;
  cellsPerUnit: i32;
  columnsPerUnit: i32;
  unitsPerRow: i32;
  unitsPerClass: i32;
  /** Whether the filter holds a number that is not finite. */
  exact: bool;
}
