/** Batch normalisation: statistics, normalising, gradient; see kernels/contracts/batch_norm.ts for the formulas. */
import {GRADIENT, PLAIN, SQUARES} from '../arithmetic/moments';
import {unitArguments} from '../ground/control_block';
import {sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {CHANNEL_GRADIENT, CHANNEL_NORMALISE, CHANNEL_SUMS} from '../units/kinds';
import {Channels, cutIntoUnits, layOutNumbers, partialBytes, patternLength} from '../units/norms/channels';

/** Adds up what the units have summed: to[c], float64. `second`: the second sums of GRADIENT. */
function addParts(job: Channels, second: bool, to: usize): void {
  const channels = job.channels;
  const both = job.mode == GRADIENT;
  let from = job.partial;
  memory.fill(to, 0, (<usize>channels) << 3);
  if (job.runs > 0) {
    if (second) from += 8;
    for (let run = 0; run < job.runs; run++) {
      const at = to + ((<usize>(run % channels)) << 3);
      for (let piece = 0; piece < job.pieces; piece++) {
        store<f64>(at, load<f64>(at) + load<f64>(from));
        from += both ? 16 : 8;
      }
    }
    return;
  }
  const bytes = (<usize>job.row) << 3;
  if (second) from += bytes;
  for (let unit = 1; unit < job.units; unit++) {
    const other = from + <usize>unit * (both ? 2 * bytes : bytes);
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(from + i, f64x2.add(v128.load(from + i), v128.load(other + i)));
    }
  }
  const end = from + bytes;
  while (from < end) {
    for (let channel = 0; channel < channels; channel++) {
      const at = to + ((<usize>channel) << 3);
      let sum = load<f64>(at);
      for (let i = 0; i < job.inner; i++) {
        sum += load<f64>(from);
        from += 8;
      }
      store<f64>(at, sum);
    }
  }
}

/** Mean and biased variance, each [C]. */
export function batchStatistics(
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  variance: usize,
): void {
  const job = changetype<Channels>(unitArguments());
  cutIntoUnits(job, outer, channels, inner);
  const parts = partialBytes(job, PLAIN);
  const sums = sharedScratch(((<usize>channels) << 3) + parts + ((<usize>patternLength(job)) << 2));
  job.x = x;
  job.dy = 0;
  job.partial = sums + ((<usize>channels) << 3);
  job.mean = job.partial + parts;
  job.mode = PLAIN;
  parallel(CHANNEL_SUMS, job.units);
  addParts(job, false, sums);
  const cells = <f64>outer * <f64>inner;
  for (let channel = 0; channel < channels; channel++) {
    const sum = load<f64>(sums + ((<usize>channel) << 3));
    store<f32>(mean + ((<usize>channel) << 2), <f32>(sum / cells));
  }
  layOutNumbers(job, mean, job.mean);
  job.mode = SQUARES;
  parallel(CHANNEL_SUMS, job.units);
  addParts(job, false, sums);
  for (let channel = 0; channel < channels; channel++) {
    const sum = load<f64>(sums + ((<usize>channel) << 3));
    store<f32>(variance + ((<usize>channel) << 2), <f32>(sum / cells));
  }
}

/** y = (x - mean) / sqrt(variance + epsilon) gamma + beta; gamma and beta may be 0, which is none. */
export function batchNormalise(
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  y: usize,
): void {
  const job = changetype<Channels>(unitArguments());
  cutIntoUnits(job, outer, channels, inner);
  const length = (<usize>patternLength(job)) << 2;
  const numbers = (<usize>channels) << 2;
  const factors = sharedScratch(2 * numbers + 3 * length);
  const offsets = factors + numbers;
  for (let i: usize = 0; i < numbers; i += 4) {
    const inverse = 1 / Math.sqrt(<f64>load<f32>(variance + i) + epsilon);
    store<f32>(factors + i, <f32>(gamma != 0 ? inverse * <f64>load<f32>(gamma + i) : inverse));
    store<f32>(offsets + i, beta != 0 ? load<f32>(beta + i) : 0);
  }
  job.x = x;
  job.y = y;
  job.mean = offsets + numbers;
  job.factor = job.mean + length;
  job.offset = job.factor + length;
  layOutNumbers(job, mean, job.mean);
  layOutNumbers(job, factors, job.factor);
  layOutNumbers(job, offsets, job.offset);
  parallel(CHANNEL_NORMALISE, job.units);
}

/**
 * dx, and for each channel dgamma and dbeta. `batch`: mean and variance are those of x itself. gamma may be 0, which is
 * none.
 */
export function batchNormGradient(
  dy: usize,
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  variance: usize,
  gamma: usize,
  epsilon: f64,
  batch: bool,
  dx: usize,
  dgamma: usize,
  dbeta: usize,
): void {
  const job = changetype<Channels>(unitArguments());
  cutIntoUnits(job, outer, channels, inner);
  const parts = partialBytes(job, GRADIENT);
  const length = (<usize>patternLength(job)) << 2;
  const numbers = (<usize>channels) << 2;
  const sums = sharedScratch(7 * numbers + parts + 4 * length);
  const products = sums + 2 * numbers;
  const factors = products + 2 * numbers;
  const offsets = factors + numbers;
  const slopes = offsets + numbers;
  job.partial = slopes + numbers;
  job.mean = job.partial + parts;
  job.factor = job.mean + length;
  job.offset = job.factor + length;
  job.slope = job.offset + length;
  job.x = x;
  job.dy = dy;
  job.y = dx;
  job.batch = batch;
  job.mode = GRADIENT;
  layOutNumbers(job, mean, job.mean);
  parallel(CHANNEL_SUMS, job.units);
  addParts(job, false, sums);
  addParts(job, true, products);
  const cells = <f64>outer * <f64>inner;
  for (let channel = 0; channel < channels; channel++) {
    const i = (<usize>channel) << 2;
    const inverse = 1 / Math.sqrt(<f64>load<f32>(variance + i) + epsilon);
    const sum = load<f64>(sums + 2 * i);
    const product = load<f64>(products + 2 * i) * inverse;
    store<f32>(dbeta + i, <f32>sum);
    store<f32>(dgamma + i, <f32>product);
    store<f32>(factors + i, <f32>(gamma != 0 ? inverse * <f64>load<f32>(gamma + i) : inverse));
    store<f32>(offsets + i, <f32>(sum / cells));
    store<f32>(slopes + i, <f32>((product * inverse) / cells));
  }
  layOutNumbers(job, factors, job.factor);
  layOutNumbers(job, offsets, job.offset);
  layOutNumbers(job, slopes, job.slope);
  parallel(CHANNEL_GRADIENT, job.units);
}
