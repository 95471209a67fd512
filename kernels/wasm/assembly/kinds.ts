/** The numbers under which `unit` knows the kinds of work. */
export const PACK: i32 = 0;
export const PRODUCT_ROWS: i32 = 1;
export const PRODUCT_COLUMNS: i32 = 2;
export const SUM_PARTS: i32 = 3;
export const CHANNEL_SUMS: i32 = 30;
export const CHANNEL_NORMALISE: i32 = 31;
export const CHANNEL_GRADIENT: i32 = 32;
export const PATCH_MERGE: i32 = 33;
export const PATCH_MERGE_GRADIENT: i32 = 34;
export const ADAM_UPDATE: i32 = 35;
export const SGD_UPDATE: i32 = 36;
export const COPY_ROWS: i32 = 37;
export const TRANSPOSE_SQUARES: i32 = 38;
export const AXIS_SUMS: i32 = 39;
export const MATRIX_PRODUCTS: i32 = 40;
export const FEW_ROWS: i32 = 41;
export const DOT_ROWS: i32 = 42;
