/**
 * The sizes of window attention, which its kernels take from where `attentionSizes` leaves them: at the beginning of the
 * arguments of the units.
 *
 *   qkv [B, H, W, 3C], the last axis [q | k | v], each [heads][d];  N tokens in a window;  Np = N rounded up to 8
 */

@unmanaged
export class AttentionSizes {
  batch: i32;
  height: i32;
  width: i32;
  heads: i32;
  headSize: i32;
  /** The window in use on this map, and the one that the bias table is for. */
  windowRows: i32;
  windowColumns: i32;
  configuredRows: i32;
  configuredColumns: i32;
  shiftRows: i32;
  shiftColumns: i32;
  /** Windows down and across a map. */
  countRows: i32;
  countColumns: i32;
  /** Whether padded keys are never attended. */
  masked: bool;
  scale: f32;
  dropRate: f32;
  seed: i32;
  /** N. */
  tokens: i32;
  /** Np. */
  columns: i32;
  /** Windows of the whole batch. */
  windows: i32;
}
