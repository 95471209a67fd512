/** windowAttention; see units/attention/window_attention.ts. Sizes by attentionSizes. */
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch, sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {Attention} from '../units/attention/window';
import {attentionScratchBytes} from '../units/attention/window_attention';
import {ATTENTION} from '../units/kinds';
import {expandBias} from './relative_bias';

/** Multiplications of a unit: about 40 microseconds. */
const UNIT_WORK: i32 = 1 << 20;

/** How windows and heads are cut into units of about UNIT_WORK; by shapes alone. */
function cutUnits(job: Attention): i32 {
  const perHead = max(1, 2 * job.tokens * job.tokens * job.headSize);
  const headsAtOnce = max(1, min(job.heads, UNIT_WORK / perHead));
  job.headUnits = (job.heads + headsAtOnce - 1) / headsAtOnce;
  job.headsPerUnit = (job.heads + job.headUnits - 1) / job.headUnits;
  job.windowsPerUnit = max(1, UNIT_WORK / max(1, perHead * job.headsPerUnit));
  return ((job.windows + job.windowsPerUnit - 1) / job.windowsPerUnit) * job.headUnits;
}

/**
 * y from qkv. `table` for the configured window; `padToken` [3C] or 0 for zeros; `logitScale` [heads] or 0 for dot
 * products.
 */
export function windowAttention(
  qkv: usize,
  table: usize,
  logitScale: usize,
  padToken: usize,
  y: usize,
): void {
  const job = changetype<Attention>(unitArguments());
  const row = (<usize>(3 * job.heads * job.headSize)) << 2;
  const biasBytes = (<usize>(job.heads * job.tokens) * <usize>job.columns) << 2;
  const bias = sharedScratch(biasBytes + row);
  expandBias(table, bias);
  const zeros = bias + biasBytes;
  memory.fill(zeros, 0, row);
  reserveOwnScratch(attentionScratchBytes(job));
  job.qkv = qkv;
  job.logitScale = logitScale;
  job.bias = bias;
  job.padding = padToken != 0 ? padToken : zeros;
  job.y = y;
  parallel(ATTENTION, cutUnits(job));
}
