/** Leaves the sizes of window attention where its kernels find them. It is called right before the kernel. */
import {unitArguments} from '../ground/control_block';
import {AttentionSizes} from '../units/attention/sizes';

/** Window and shift are those in use on this map; configured is the window of the bias table. dropRate 0: no dropout. */
export function attentionSizes(
  batch: i32,
  height: i32,
  width: i32,
  heads: i32,
  headSize: i32,
  windowRows: i32,
  windowColumns: i32,
  configuredRows: i32,
  configuredColumns: i32,
  shiftRows: i32,
  shiftColumns: i32,
  countRows: i32,
  countColumns: i32,
  masked: bool,
  scale: f32,
  dropRate: f32,
  seed: i32,
): void {
  const sizes = changetype<AttentionSizes>(unitArguments());
  sizes.batch = batch;
  sizes.height = height;
  sizes.width = width;
  sizes.heads = heads;
  sizes.headSize = headSize;
  sizes.windowRows = windowRows;
  sizes.windowColumns = windowColumns;
  sizes.configuredRows = configuredRows;
  sizes.configuredColumns = configuredColumns;
  sizes.shiftRows = shiftRows;
  sizes.shiftColumns = shiftColumns;
  sizes.countRows = countRows;
  sizes.countColumns = countColumns;
  sizes.masked = masked;
  sizes.scale = scale;
  sizes.dropRate = dropRate;
  sizes.seed = seed;
  sizes.tokens = windowRows * windowColumns;
  sizes.columns = (sizes.tokens + 7) & ~7;
  sizes.windows = batch * countRows * countColumns;
}
