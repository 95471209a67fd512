/** The gradient of max pooling; see units/maps/max_pool_gradient.ts. */
import {unitArguments} from '../../ground/control_block';
import {parallel} from '../../threads';
import {MAX_POOL_GRADIENT} from '../../units/kinds';
import {MaxPoolGradient} from '../../units/maps/max_pool_gradient';

/** Numbers of x in a unit. */
const UNIT_SIZE: i32 = 65536;

/** dx from x, y and dy. */
export function maxPoolGradient(
  x: usize,
  y: usize,
  dy: usize,
  dx: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
): void {
  const job = changetype<MaxPoolGradient>(unitArguments());
  job.x = x;
  job.y = y;
  job.dy = dy;
  job.dx = dx;
  job.batch = batch;
  job.height = height;
  job.width = width;
  job.channels = channels;
  job.outHeight = outHeight;
  job.outWidth = outWidth;
  job.filterHeight = filterHeight;
  job.filterWidth = filterWidth;
  job.strideHeight = strideHeight;
  job.strideWidth = strideWidth;
  job.top = top;
  job.left = left;
  job.imagesPerUnit = max(1, UNIT_SIZE / (height * width * channels));
  parallel(MAX_POOL_GRADIENT, (batch + job.imagesPerUnit - 1) / job.imagesPerUnit);
}
