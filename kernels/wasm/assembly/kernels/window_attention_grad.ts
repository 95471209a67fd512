/** The gradient of windowAttention; see units/attention/window_attention_grad.ts. Sizes by attentionSizes. */
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch, sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {Attention, wholeLines} from '../units/attention/window';
import {gradientScratchBytes} from '../units/attention/window_attention_grad';
import {ATTENTION_GRAD} from '../units/kinds';
import {expandBias, reduceBias} from './relative_bias';

/** Units that a backward pass is cut into, if it has as many windows. */
const UNITS: i32 = 64;

/** sums[i] = sum over groups of parts[group][i], `count` numbers; the groups lie `step` bytes apart. */
function sumGroups(parts: usize, groups: i32, step: usize, count: i32, sums: usize): void {
  for (let i = 0; i < count; i++) {
    const at = (<usize>i) << 2;
    let sum: f32 = 0;
    for (let group = 0; group < groups; group++) sum += load<f32>(parts + <usize>group * step + at);
    store<f32>(sums + at, sum);
  }
}

/**
 * As windowAttention, with dy [B, H, W, C]. dtable is of the table's shape; dlogitScale [heads] and dpadToken [3C] are 0
 * where not wanted.
 */
export function windowAttentionGrad(
  qkv: usize,
  table: usize,
  logitScale: usize,
  padToken: usize,
  dy: usize,
  dqkv: usize,
  dtable: usize,
  dlogitScale: usize,
  dpadToken: usize,
): void {
  const job = changetype<Attention>(unitArguments());
  const heads = job.heads;
  const groups = max(1, min(job.windows, (UNITS + heads - 1) / heads));
  const parts = <usize>(heads * groups);
  const headSize = job.headSize;
  const bytes = (<usize>headSize) << 2;
  const pairs = (<usize>job.tokens * <usize>job.columns) << 2;
  const biasBytes = wholeLines(<usize>heads * pairs);
  const dbiasBytes = wholeLines(parts * pairs);
  const dscaleBytes = wholeLines(parts << 2);
  const dpaddingBytes = wholeLines(parts * 3 * bytes);
  const zeroBytes: usize = <usize>(3 * heads) * bytes;
  const bias = sharedScratch(biasBytes + dbiasBytes + dscaleBytes + dpaddingBytes + zeroBytes);
  const dbias = bias + biasBytes;
  const dscale = dbias + dbiasBytes;
  const dpadding = dscale + dscaleBytes;
  const zeros = dpadding + dpaddingBytes;
  memory.fill(zeros, 0, zeroBytes);
  expandBias(table, bias);
  reserveOwnScratch(gradientScratchBytes(job));
  job.qkv = qkv;
  job.logitScale = logitScale;
  job.bias = bias;
  job.padding = padToken != 0 ? padToken : zeros;
  job.y = zeros;
  job.dy = dy;
  job.dqkv = dqkv;
  job.dbias = dbias;
  job.dscale = dscale;
  job.dpadding = dpadToken != 0 ? dpadding : 0;
  job.groups = groups;
  parallel(ATTENTION_GRAD, heads * groups);
  reduceBias(dtable, dbias, groups);
  for (let head = 0; head < heads; head++) {
    const first = <usize>(head * groups);
    if (dlogitScale != 0) sumGroups(dscale + (first << 2), groups, 4, 1, dlogitScale + ((<usize>head) << 2));
    if (dpadToken == 0) continue;
    for (let part = 0; part < 3; part++) {
      const from = dpadding + first * 3 * bytes + <usize>part * bytes;
      sumGroups(from, groups, 3 * bytes, headSize, dpadToken + <usize>(part * heads + head) * bytes);
    }
  }
}
