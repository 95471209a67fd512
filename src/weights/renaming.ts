/**
 * Names of tensors as the layouts have them, of files whose names say the same otherwise:
 *
 *   module., _orig_mod., model., net., encoder., ... before all names     none: what wraps a network in training adds it
 *   a bare model or backbone of transformers: embeddings., encoder.       swin. or swinv2. before
 *   transformers 5: attention.q_proj, o_proj, mlp.fc1, ...                attention.self.query, attention.output.dense, ...
 *   timm's features_only: layers_0.                                       layers.0.
 *   SimMIM: encoder., decoder., mask_token                                its encoder, without the mask's token
 *
 * Sources: huggingface/transformers, modeling_swin.py; timm, _features.py; microsoft/Swin-Transformer, simmim.py.
 */
import {showValue} from '../../kernels/common/show_value.js';
import {CheckpointError, ConfigError} from '../errors.js';
import type {Checkpoint, TensorEntry} from './checkpoint.js';

/** What wraps a network: DataParallel, torch.compile, Lightning's attribute, a detector's, a running average's. */
const WRAPPERS = [
  ...['module', '_orig_mod', 'model', 'net', 'network', 'encoder', 'backbone', 'student', 'teacher', 'ema'],
  ...['_model', 'swin', 'swin_transformer', 'base_model', 'trunk', 'body', 'swin_unet'],
];

/** In transformers 5, and before; `swin.` has become the name of every network's inside. */
const TRANSFORMERS_5: readonly (readonly [RegExp, string])[] = [
  [/\.attention\.q_proj\./, '.attention.self.query.'],
  [/\.attention\.k_proj\./, '.attention.self.key.'],
  [/\.attention\.v_proj\./, '.attention.self.value.'],
  [/\.attention\.o_proj\./, '.attention.output.dense.'],
  [
    /\.attention\.relative_position_bias\.(relative_position_bias_table|relative_position_index)$/,
    '.attention.self.$1',
  ],
  [/\.attention\.(logit_scale|continuous_position_bias_mlp\.)/, '.attention.self.$1'],
  [/(\.blocks\.\d+)\.mlp\.fc1\./, '$1.intermediate.dense.'],
  [/(\.blocks\.\d+)\.mlp\.fc2\./, '$1.output.dense.'],
];

/** A file under the names of a layout, and what was before all of them. */
export interface RenamedCheckpoint extends Checkpoint {
  prefix: string;
  /** The name in the file of a tensor here. */
  original(name: string): string;
}

/**
 * @param given What is before the names of the network; others are left out. Default: found, where it is before all names.
 * @throws CheckpointError where no name begins with it, or two names become one.
 */
export function renamedCheckpoint(file: Checkpoint, given?: string): RenamedCheckpoint {
  const all = [...file.tensors.keys()];
  const prefix = given === undefined ? sharedPrefix(all) : prefixOf(file, all, given);
  const inside = all.filter((name) => name.startsWith(prefix));
  const rename = renamingOf(inside.map((name) => name.slice(prefix.length)));
  const originals = new Map<string, string>();
  const tensors = new Map<string, TensorEntry>();
  for (const original of inside) {
    const name = rename(original.slice(prefix.length));
    if (name === undefined) continue;
    const other = originals.get(name);
    if (other !== undefined) {
      throw new CheckpointError(
        `${file.name}: each tensor must have a name of its own; got ${other} and ${original} for ${name}.`,
      );
    }
    originals.set(name, original);
    tensors.set(name, file.tensors.get(original)!);
  }
  const original = (name: string) => originals.get(name) ?? name;
  return {
    ...file,
    tensors,
    prefix: (file.prefix ?? '') + prefix,
    original,
    values: (name) => file.values(original(name)),
  };
}

/** @throws ConfigError for what is no text. */
export function checkPrefix(who: string, prefix: unknown): void {
  if (typeof prefix === 'string') return;
  throw new ConfigError(`${who}: prefix must be text, for example 'module.'; got ${showValue(prefix)}.`);
}

/** The wrappers that all names have in common. */
function sharedPrefix(names: readonly string[]): string {
  let prefix = '';
  for (let rest = names; rest.length > 0; ) {
    const [first] = rest;
    const wrapper = WRAPPERS.find((one) => first.startsWith(`${one}.`));
    if (wrapper === undefined || !rest.every((name) => name.startsWith(`${wrapper}.`))) break;
    // The network itself, as transformers calls it.
    if (wrapper === 'swin' && rest.some((name) => name.startsWith('swin.encoder.layers.'))) break;
    prefix += `${wrapper}.`;
    rest = rest.map((name) => name.slice(wrapper.length + 1));
  }
  return prefix;
}

function prefixOf(file: Checkpoint, names: readonly string[], given: string): string {
  const tries = given === '' || given.endsWith('.') ? [given] : [`${given}.`, given];
  const found = tries.find((prefix) => names.some((name) => name.startsWith(prefix)));
  if (found !== undefined) return found;
  throw new CheckpointError(
    `${file.name}: prefix must be what the names of its tensors begin with; got ${given.slice(0, 80)}, and names as ` +
      `${names.slice(0, 3).join(', ')}.`,
  );
}

/** The name of a layout for each name; undefined for a tensor that has no part in the network. */
function renamingOf(names: readonly string[]): (name: string) => string | undefined {
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  const masked = has(/^(encoder\.)?mask_token$/);
  if (has(/^layers_\d+\./)) return (name) => name.replace(/^layers_(\d+)\./, 'layers.$1.');
  if (masked && has(/^encoder\.patch_embed\./)) {
    return (name) =>
      /^decoder\.|^encoder\.mask_token$/.test(name) ? undefined : name.replace(/^encoder\./, '');
  }
  if (!has(/(^|\.)encoder\.layers\.\d+\.blocks\./)) {
    return (name) => (masked && name === 'mask_token' ? undefined : name);
  }
  const backbone = has(/^hidden_states_norms\./);
  const bare = has(/^encoder\.layers\./);
  const network = has(/continuous_position_bias_mlp\.|logit_scale$/) ? 'swinv2.' : 'swin.';
  return (name) => {
    if (/(^|\.)embeddings\.mask_token$/.test(name) || /^decoder\.\d+\./.test(name)) return undefined;
    // A backbone has norms of its own after the stages, and this one only by inheritance.
    if (backbone && /^(swin\.|swinv2\.)?layernorm\./.test(name)) return undefined;
    const inside = bare && /^(embeddings|encoder|layernorm)\./.test(name) ? network + name : name;
    if (!inside.includes('.blocks.')) return inside;
    for (const [from, to] of TRANSFORMERS_5) if (from.test(inside)) return inside.replace(from, to);
    return inside;
  };
}
