/** The numbers under which `unit` knows the kinds of work. */
export const PACK: i32 = 0;
export const PRODUCT_ROWS: i32 = 1;
export const PRODUCT_COLUMNS: i32 = 2;
export const SUM_PARTS: i32 = 3;
