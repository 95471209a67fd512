/**
 * The numbers under which `runUnit` knows the kinds of work: the group, then the kind within it, in four bits each.
 */

// Products.
export const PACK_PANELS: i32 = 0x00;
export const PRODUCT_ROWS: i32 = 0x01;
export const PRODUCT_COLUMNS: i32 = 0x02;
export const SUM_PARTS: i32 = 0x03;
export const FEW_ROWS: i32 = 0x04;
export const DOT_ROWS: i32 = 0x05;
export const MATRIX_PRODUCTS: i32 = 0x06;

// Convolutions.
export const PACK_FILTER: i32 = 0x10;
export const CONVOLUTION: i32 = 0x11;
export const FILTER_GRADIENT: i32 = 0x12;
export const DEPTHWISE_INPUT: i32 = 0x13;
export const DEPTHWISE_FILTER: i32 = 0x14;
export const DEPTHWISE_3X3: i32 = 0x15;
export const DEPTHWISE_3X3_WEIGHT: i32 = 0x16;

// Attention.
export const EXPAND_BIAS: i32 = 0x20;
export const REDUCE_BIAS: i32 = 0x21;
export const ATTENTION: i32 = 0x22;
export const ATTENTION_GRAD: i32 = 0x23;

// Norms.
export const LAYER_NORM: i32 = 0x30;
export const LAYER_NORM_GRAD: i32 = 0x31;
export const CHANNEL_SUMS: i32 = 0x32;
export const CHANNEL_NORMALISE: i32 = 0x33;
export const CHANNEL_GRADIENT: i32 = 0x34;

// Maps.
export const GELU: i32 = 0x50;
export const MAX_POOL_GRADIENT: i32 = 0x51;

// Other units.
export const LINEAR_GRAD: i32 = 0x40;
export const PATCH_MERGE: i32 = 0x41;
export const PATCH_MERGE_GRADIENT: i32 = 0x42;
export const COPY_ROWS: i32 = 0x43;
export const TRANSPOSE_SQUARES: i32 = 0x44;
export const AXIS_SUMS: i32 = 0x45;
export const ADAM_UPDATE: i32 = 0x46;
export const SGD_UPDATE: i32 = 0x47;
export const PEAK: i32 = 0x48;
