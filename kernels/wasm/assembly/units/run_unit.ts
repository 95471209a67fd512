/** Runs one unit of any kind. Switches and not a table of functions, because AssemblyScript keeps those in memory. */
import {expandBiasUnit, reduceBiasUnit} from './attention/relative_bias';
import {attentionUnit} from './attention/window_attention';
import {attentionGradUnit} from './attention/window_attention_grad';
import {axisSumsUnit} from './axis_sums';
import {convolutionUnit} from './convolutions/convolution';
import {depthwise3x3Unit} from './convolutions/depthwise_3x3';
import {depthwise3x3WeightUnit} from './convolutions/depthwise_3x3_weight';
import {depthwiseFilterUnit} from './convolutions/depthwise_filter';
import {depthwiseInputUnit} from './convolutions/depthwise_input';
import {filterGradientUnit} from './convolutions/filter_gradient';
import {packFilterUnit} from './convolutions/pack_filter';
import {copyRowsUnit} from './copy_rows';
import {
  ADAM_UPDATE,
  ATTENTION,
  ATTENTION_GRAD,
  AXIS_SUMS,
  CHANNEL_GRADIENT,
  CHANNEL_NORMALISE,
  CHANNEL_SUMS,
  CONVOLUTION,
  COPY_ROWS,
  DEPTHWISE_3X3,
  DEPTHWISE_3X3_WEIGHT,
  DEPTHWISE_FILTER,
  DEPTHWISE_INPUT,
  DOT_ROWS,
  EXPAND_BIAS,
  FEW_ROWS,
  FILTER_GRADIENT,
  GELU,
  LAYER_NORM,
  LAYER_NORM_GRAD,
  LINEAR_GRAD,
  MATRIX_PRODUCTS,
  MAX_POOL_GRADIENT,
  PACK_FILTER,
  PACK_PANELS,
  PATCH_MERGE,
  PATCH_MERGE_GRADIENT,
  PEAK,
  PRODUCT_COLUMNS,
  PRODUCT_ROWS,
  REDUCE_BIAS,
  SGD_UPDATE,
  SUM_PARTS,
  TRANSPOSE_SQUARES,
} from './kinds';
import {linearGradUnit} from './linear_grad';
import {geluUnit} from './maps/gelu';
import {maxPoolGradientUnit} from './maps/max_pool_gradient';
import {channelGradientUnit} from './norms/channel_gradient';
import {channelNormaliseUnit} from './norms/channel_normalise';
import {channelSumsUnit} from './norms/channel_sums';
import {layerNormUnit} from './norms/layer_norm';
import {layerNormGradUnit} from './norms/layer_norm_grad';
import {adamUpdateUnit, sgdUpdateUnit} from './optimizer';
import {patchMergeGradientUnit, patchMergeUnit} from './patch_merge';
import {peakUnit} from './peak';
import {dotRowsUnit, fewRowsUnit} from './products/few_rows';
import {matrixProductsUnit} from './products/matrix_products';
import {packPanelsUnit} from './products/pack_panels';
import {productColumnsUnit} from './products/product_columns';
import {productRowsUnit} from './products/product_rows';
import {sumPartsUnit} from './products/sum_parts';
import {transposeSquaresUnit} from './transpose_squares';

function runProduct(kind: i32, index: i32): void {
  switch (kind) {
    case PACK_PANELS:
      packPanelsUnit(index);
      break;
    case PRODUCT_ROWS:
      productRowsUnit(index);
      break;
    case PRODUCT_COLUMNS:
      productColumnsUnit(index);
      break;
    case SUM_PARTS:
      sumPartsUnit(index);
      break;
    case FEW_ROWS:
      fewRowsUnit(index);
      break;
    case DOT_ROWS:
      dotRowsUnit(index);
      break;
    case MATRIX_PRODUCTS:
      matrixProductsUnit(index);
      break;
    default:
      unreachable();
  }
}

function runConvolution(kind: i32, index: i32): void {
  switch (kind) {
    case PACK_FILTER:
      packFilterUnit(index);
      break;
    case CONVOLUTION:
      convolutionUnit(index);
      break;
    case FILTER_GRADIENT:
      filterGradientUnit(index);
      break;
    case DEPTHWISE_INPUT:
      depthwiseInputUnit(index);
      break;
    case DEPTHWISE_FILTER:
      depthwiseFilterUnit(index);
      break;
    case DEPTHWISE_3X3:
      depthwise3x3Unit(index);
      break;
    case DEPTHWISE_3X3_WEIGHT:
      depthwise3x3WeightUnit(index);
      break;
    default:
      unreachable();
  }
}

function runAttention(kind: i32, index: i32): void {
  switch (kind) {
    case EXPAND_BIAS:
      expandBiasUnit(index);
      break;
    case REDUCE_BIAS:
      reduceBiasUnit(index);
      break;
    case ATTENTION:
      attentionUnit(index);
      break;
    case ATTENTION_GRAD:
      attentionGradUnit(index);
      break;
    default:
      unreachable();
  }
}

function runNorm(kind: i32, index: i32): void {
  switch (kind) {
    case LAYER_NORM:
      layerNormUnit(index);
      break;
    case LAYER_NORM_GRAD:
      layerNormGradUnit(index);
      break;
    case CHANNEL_SUMS:
      channelSumsUnit(index);
      break;
    case CHANNEL_NORMALISE:
      channelNormaliseUnit(index);
      break;
    case CHANNEL_GRADIENT:
      channelGradientUnit(index);
      break;
    default:
      unreachable();
  }
}

function runMap(kind: i32, index: i32): void {
  switch (kind) {
    case GELU:
      geluUnit(index);
      break;
    case MAX_POOL_GRADIENT:
      maxPoolGradientUnit(index);
      break;
    default:
      unreachable();
  }
}

function runOther(kind: i32, index: i32): void {
  switch (kind) {
    case LINEAR_GRAD:
      linearGradUnit(index);
      break;
    case PATCH_MERGE:
      patchMergeUnit(index);
      break;
    case PATCH_MERGE_GRADIENT:
      patchMergeGradientUnit(index);
      break;
    case COPY_ROWS:
      copyRowsUnit(index);
      break;
    case TRANSPOSE_SQUARES:
      transposeSquaresUnit(index);
      break;
    case AXIS_SUMS:
      axisSumsUnit(index);
      break;
    case ADAM_UPDATE:
      adamUpdateUnit(index);
      break;
    case SGD_UPDATE:
      sgdUpdateUnit(index);
      break;
    case PEAK:
      peakUnit(index);
      break;
    default:
      unreachable();
  }
}

/** Unit `index` of a kernel whose units are of this kind (kinds.ts). */
export function runUnit(kind: i32, index: i32): void {
  switch (kind >> 4) {
    case PACK_PANELS >> 4:
      runProduct(kind, index);
      break;
    case PACK_FILTER >> 4:
      runConvolution(kind, index);
      break;
    case EXPAND_BIAS >> 4:
      runAttention(kind, index);
      break;
    case LAYER_NORM >> 4:
      runNorm(kind, index);
      break;
    case GELU >> 4:
      runMap(kind, index);
      break;
    case LINEAR_GRAD >> 4:
      runOther(kind, index);
      break;
    default:
      unreachable();
  }
}
