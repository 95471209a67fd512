/** Runs one unit of any kind. A switch and not a table of functions, because AssemblyScript keeps those in memory. */
import {packUnit, productColumnsUnit, productRowsUnit, sumPartsUnit} from './product';
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
