/** Runs one unit of any kind. A switch and not a table of functions, because AssemblyScript keeps those in memory. */
import {packUnit, productColumnsUnit, productRowsUnit, sumPartsUnit} from './product';
import {convolutionPackUnit, convolutionUnit} from './convolution';
import {convolutionFilterUnit} from './convolution_filter';
import {depthwiseFilterUnit, depthwiseInputUnit} from './depthwise';
import {
  CONVOLUTION,
  CONVOLUTION_FILTER,
  CONVOLUTION_PACK,
  DEPTHWISE_FILTER,
  DEPTHWISE_INPUT,
  PACK,
  PRODUCT_COLUMNS,
  PRODUCT_ROWS,
  SUM_PARTS,
} from './kinds';

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
    default:
      unreachable();
  }
}
