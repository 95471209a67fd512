/** Relative position bias and its gradient; see units/attention/relative_bias.ts. Sizes by attentionSizes. */
import {unitArguments} from '../ground/control_block';
import {parallel} from '../threads';
import {RelativeBias} from '../units/attention/relative_bias';
import {EXPAND_BIAS, REDUCE_BIAS} from '../units/kinds';

/** bias [heads][N][Np] from the table. */
export function expandBias(table: usize, bias: usize): void {
  const job = changetype<RelativeBias>(unitArguments());
  job.table = table;
  job.bias = bias;
  parallel(EXPAND_BIAS, job.heads, job.heads * job.tokens * job.tokens < 20000);
}

/** The table's gradient from dbias [heads][groups][N][Np]. */
export function reduceBias(dtable: usize, dbias: usize, groups: i32): void {
  const job = changetype<RelativeBias>(unitArguments());
  job.table = dtable;
  job.bias = dbias;
  job.groups = groups;
  parallel(REDUCE_BIAS, job.heads);
}
