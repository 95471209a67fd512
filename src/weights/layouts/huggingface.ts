/** The names of huggingface/transformers: queries, keys and values apart, everything but the head under `swin` or `swinv2`. */
import {BLOCK, MERGING, type Naming, torchForm} from './naming.js';

const PARTS: Readonly<Record<string, string>> = {
  'norm1.': 'layernorm_before.',
  'norm2.': 'layernorm_after.',
  'attn.proj.': 'attention.output.dense.',
  'attn.relative_position_bias_table': 'attention.self.relative_position_bias_table',
  'attn.logit_scale': 'attention.self.logit_scale',
  'attn.cpb_mlp.': 'attention.self.continuous_position_bias_mlp.',
  'attn.q_bias': 'attention.self.query.bias',
  'attn.v_bias': 'attention.self.value.bias',
  'mlp.fc1.': 'intermediate.dense.',
  'mlp.fc2.': 'output.dense.',
};

/** @param prefix `swin.` or, for V2, `swinv2.`. */
export function huggingface(prefix: string): Naming {
  return ({canonical}) => ({names: namesOf(canonical, prefix), form: torchForm(canonical)});
}

function namesOf(canonical: string, prefix: string): string[] {
  const block = BLOCK.exec(canonical);
  if (block) {
    const [, stage, index, rest] = block;
    const at = `${prefix}encoder.layers.${stage}.blocks.${index}.`;
    const joint = /^attn\.qkv\.(weight|bias)$/.exec(rest);
    if (joint) return ['query', 'key', 'value'].map((part) => `${at}attention.self.${part}.${joint[1]}`);
    const [from, to] = Object.entries(PARTS).find(([part]) => rest.startsWith(part)) ?? ['', ''];
    return [at + to + rest.slice(from.length)];
  }
  if (MERGING.test(canonical)) return [`${prefix}encoder.${canonical}`];
  if (canonical.startsWith('head.')) return [canonical.replace('head.', 'classifier.')];
  const output = /^norm(\d+)\.(.+)$/.exec(canonical);
  if (output) return [`hidden_states_norms.stage${Number(output[1]) + 1}.${output[2]}`];
  const renamed = canonical
    .replace('patch_embed.proj', 'embeddings.patch_embeddings.projection')
    .replace('patch_embed.norm', 'embeddings.norm')
    .replace('absolute_pos_embed', 'embeddings.position_embeddings')
    .replace(/^norm\./, 'layernorm.');
  return [prefix + renamed];
}
