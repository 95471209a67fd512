/** Products of matrices as tfjs asks for them; see units/products/matrix_products.ts. */
import {blockBytes} from '../arithmetic/block';
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {MATRIX_PRODUCTS} from '../units/kinds';
import {DEPTH, MatrixProducts} from '../units/products/matrix_products';
import {FEW, fewRows} from './few_rows';
import {productColumns} from './product';

/** Most rows and columns of a block. */
const ROWS: i32 = 256;
const COLUMNS: i32 = 512;

/** Multiplications of a unit: 50 to 100 microseconds; and of a product that is not worth waking a thread for. */
const UNIT_WORK: f64 = 2e6;
const SMALL_WORK: f64 = 3e5;

/**
 * C_i = f(op(A_i) op(B_i) + bias). Items of A and of B lie strideA and strideB bytes apart (0: the same for all), those
 * of C one after the other. `activation` 0 to 2: none, relu, relu6. No size may be 0.
 */
export function matrixProducts(
  items: i32,
  a: usize,
  strideA: usize,
  transposeA: bool,
  b: usize,
  strideB: usize,
  transposeB: bool,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  bias: usize,
  activation: i32,
): void {
  const lda = (<usize>(transposeA ? m : k)) << 2;
  const ldb = (<usize>(transposeB ? k : n)) << 2;
  const work = <f64>m * <f64>n * <f64>k;
  if (items == 1 && (m == 1 || (m <= FEW && !transposeA))) {
    fewRows(a, b, transposeB, c, m, n, k, bias, activation);
    return;
  }
  if (transposeA && !transposeB && bias == 0 && activation == 0 && (items == 1 || work > 4 * UNIT_WORK)) {
    const size = (<usize>m * <usize>n) << 2;
    for (; items > 0; items--) {
      productColumns(a, lda, b, ldb, c, m, n, k);
      a += strideA;
      b += strideB;
      c += size;
    }
    return;
  }
  const down = (m + ROWS - 1) / ROWS;
  const rows = ((m + down - 1) / down + 3) & ~3;
  // As many columns as make up a unit, and not so many that there is one unit alone.
  const fill = UNIT_WORK / (<f64>rows * <f64>k);
  const most = max(16, min(COLUMNS, <i32>min<f64>(fill, <f64>COLUMNS) & ~7));
  const across = (n + most - 1) / most;
  const columns = ((n + across - 1) / across + 7) & ~7;
  reserveOwnScratch(
    blockBytes(rows, min(DEPTH, k)) + (transposeA ? (<usize>rows * <usize>min(DEPTH, k)) << 2 : 0),
  );
  const job = changetype<MatrixProducts>(unitArguments());
  job.a = a;
  job.lda = lda;
  job.transposeA = transposeA;
  job.b = b;
  job.ldb = ldb;
  job.transposeB = transposeB;
  job.c = c;
  job.ldc = (<usize>n) << 2;
  job.bias = bias;
  job.activation = activation;
  job.m = m;
  job.n = n;
  job.k = k;
  job.strideA = strideA;
  job.strideB = strideB;
  job.rows = rows;
  job.columns = columns;
  job.blocksAcross = across;
  job.blocksPerItem = down * across;
  job.blocks = items * job.blocksPerItem;
  job.blocksPerUnit = <i32>(
    max<f64>(1, min<f64>(<f64>job.blocks, UNIT_WORK / 2 / (<f64>rows * <f64>columns * <f64>k)))
  );
  const units = (job.blocks + job.blocksPerUnit - 1) / job.blocksPerUnit;
  parallel(MATRIX_PRODUCTS, units, work * <f64>items < SMALL_WORK);
}
