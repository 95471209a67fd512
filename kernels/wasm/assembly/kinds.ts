/** The numbers under which `unit` knows the kinds of work. */
export const PACK: i32 = 0;
export const PRODUCT_ROWS: i32 = 1;
export const PRODUCT_COLUMNS: i32 = 2;
export const SUM_PARTS: i32 = 3;
export const LAYER_NORM: i32 = 4;
export const LAYER_NORM_GRAD: i32 = 5;
export const LINEAR_GRAD: i32 = 6;
export const EXPAND_BIAS: i32 = 7;
export const REDUCE_BIAS: i32 = 8;
export const ATTENTION: i32 = 9;
export const ATTENTION_GRAD: i32 = 10;
export const PEAK: i32 = 11;
export const CONVOLUTION_PACK: i32 = 20;
export const CONVOLUTION: i32 = 21;
export const CONVOLUTION_FILTER: i32 = 22;
export const DEPTHWISE_INPUT: i32 = 23;
export const DEPTHWISE_FILTER: i32 = 24;
