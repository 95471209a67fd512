/** Runs one unit of any kind. A switch and not a table of functions, because AssemblyScript keeps those in memory. */
import {packUnit, productColumnsUnit, productRowsUnit, sumPartsUnit} from './product';
import {PACK, PRODUCT_COLUMNS, PRODUCT_ROWS, SUM_PARTS} from './kinds';

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
    default:
      unreachable();
  }
}
