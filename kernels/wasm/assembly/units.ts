/** Runs one unit of any kind. A switch and not a table of functions, because AssemblyScript keeps those in memory. */
import {
  ATTENTION,
  ATTENTION_GRAD,
  CONVOLUTION,
  CONVOLUTION_FILTER,
  CONVOLUTION_PACK,
  DEPTHWISE_FILTER,
  DEPTHWISE_INPUT,
  EXPAND_BIAS,
  LAYER_NORM,
  LAYER_NORM_GRAD,
  LINEAR_GRAD,
  PACK,
  PEAK,
  PRODUCT_COLUMNS,
  PRODUCT_ROWS,
  REDUCE_BIAS,
  SUM_PARTS,
} from './kinds';
import {layerNormGradUnit, layerNormUnit} from './layer_norm';
import {linearGradUnit} from './linear_grad';
import {peakUnit} from './peak';
import {packUnit, productColumnsUnit, productRowsUnit, sumPartsUnit} from './product';
import {expandBiasUnit, reduceBiasUnit} from './relative_bias';
import {attentionUnit} from './window_attention';
import {attentionGradUnit} from './window_attention_grad';
import {convolutionPackUnit, convolutionUnit} from './convolution';
import {convolutionFilterUnit} from './convolution_filter';
import {depthwiseFilterUnit, depthwiseInputUnit} from './depthwise';
import {channelGradientUnit, channelNormaliseUnit, channelSumsUnit} from './batch_norm';
import {dotRowsUnit, fewRowsUnit} from './few_rows';
import {matrixProductsUnit} from './matrix_products';
import {adamUpdateUnit, sgdUpdateUnit} from './optimizer';
import {patchMergeGradientUnit, patchMergeUnit} from './patch_merge';
import {copyRowsUnit, transposeSquaresUnit} from './permute';
import {axisSumsUnit} from './sums';
import {PACK, PRODUCT_COLUMNS, PRODUCT_ROWS, SUM_PARTS} from './kinds';
import {CHANNEL_GRADIENT, CHANNEL_NORMALISE, CHANNEL_SUMS} from './kinds';
import {ADAM_UPDATE, AXIS_SUMS, DOT_ROWS, FEW_ROWS, MATRIX_PRODUCTS, SGD_UPDATE} from './kinds';
import {COPY_ROWS, PATCH_MERGE, PATCH_MERGE_GRADIENT, TRANSPOSE_SQUARES} from './kinds';

export function unit(kind: i32, index: i32): void {
  switch (kind) {
    case PACK:
      packUnit(index);
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
    case LAYER_NORM:
      layerNormUnit(index);
      break;
    case LAYER_NORM_GRAD:
      layerNormGradUnit(index);
      break;
    case LINEAR_GRAD:
      linearGradUnit(index);
      break;
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
    case PEAK:
      peakUnit(index);
      break;
    case CONVOLUTION_PACK:
      convolutionPackUnit(index);
      break;
    case CONVOLUTION:
      convolutionUnit(index);
      break;
    case CONVOLUTION_FILTER:
      convolutionFilterUnit(index);
      break;
    case DEPTHWISE_INPUT:
      depthwiseInputUnit(index);
      break;
    case DEPTHWISE_FILTER:
      depthwiseFilterUnit(index);
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
    case PATCH_MERGE:
      patchMergeUnit(index);
      break;
    case PATCH_MERGE_GRADIENT:
      patchMergeGradientUnit(index);
      break;
    case ADAM_UPDATE:
      adamUpdateUnit(index);
      break;
    case SGD_UPDATE:
      sgdUpdateUnit(index);
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
    case MATRIX_PRODUCTS:
      matrixProductsUnit(index);
      break;
    case FEW_ROWS:
      fewRowsUnit(index);
      break;
    case DOT_ROWS:
      dotRowsUnit(index);
      break;
    default:
      unreachable();
  }
}
