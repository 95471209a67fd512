/**
 * Weights of another size than the model's, made to fit as their kind allows. All in the model's order of axes.
 *
 *   relative position bias table of another window     bicubic over its offsets, [2 Wh - 1, 2 Ww - 1] for each head
 *   absolute position embedding of another image size  bicubic over its cells
 *   kernel of the patches for other input channels     'mean'    each has the sum over the checkpoint's channels / ours
 *                                                      'repeat'  the checkpoint's in turn, times theirs / ours; for one
 *                                                                channel their sum
 *
 * Both keep what a grey image gives: 'mean' always, 'repeat' where ours are a multiple of theirs. The bias network of Swin
 * V2 works for any window as it is.
 *
 * Sources: microsoft/Swin-Transformer, load_pretrained; timm, adapt_input_conv.
 */
import {CheckpointError} from '../errors.js';
import {resizeBicubic} from './bicubic.js';

/** How the kernel of the patches becomes one for other input channels. */
export type ChannelAdaptation = 'mean' | 'repeat' | 'new';

export const CHANNEL_ADAPTATIONS: readonly ChannelAdaptation[] = ['mean', 'repeat', 'new'];

/** The one weight that sees the channels of the image. */
export const PATCH_KERNEL = 'patch_embed.proj.weight';

export interface ResizingOptions {
  /** File and names in messages. */
  who: string;
  /** Window of the layer that has the weight; one that is unknown is square. */
  window?: readonly [number, number];
  adaptChannels?: ChannelAdaptation;
}

/**
 * What turns values of one shape into values of another, or undefined where nothing does.
 *
 * @param name Name of the weight as microsoft has it.
 * @throws CheckpointError for other input channels where nothing is said of them.
 */
export function resizing(
  name: string,
  from: readonly number[],
  to: readonly number[],
  {who, window, adaptChannels}: ResizingOptions,
): ((values: Float32Array) => Float32Array) | undefined {
  if (from.length !== to.length) return undefined;
  const last = to.length - 1;
  if (/(^|\.)relative_position_bias_table$/.test(name) && from[last] === to[last]) {
    const [source, target] = [Math.sqrt(from[0]), Math.sqrt(to[0])];
    const grid = window ? ([2 * window[0] - 1, 2 * window[1] - 1] as const) : ([target, target] as const);
    if (![source, ...grid].every(Number.isInteger) || grid[0] * grid[1] !== to[0]) return undefined;
    return (values) => resizeBicubic(values, [source, source, from[1]], grid);
  }
  if (/(^|\.)absolute_pos_embed$/.test(name) && to.length === 4 && from[last] === to[last]) {
    return (values) => resizeBicubic(values, [from[1], from[2], from[3]], [to[1], to[2]]);
  }
  if (name === PATCH_KERNEL && [0, 1, 3].every((axis) => from[axis] === to[axis])) {
    if (adaptChannels === 'new') return undefined;
    if (!adaptChannels) {
      throw new CheckpointError(
        `${who} must have the model's ${to[2]} input channels; got ${from[2]} (adaptChannels 'mean' or 'repeat' makes ` +
          "them fit, 'new' leaves the model's).",
      );
    }
    return (values) => adaptedChannels(values, from, to, adaptChannels);
  }
  return undefined;
}

/** A kernel [p, p, C, out] for other channels. */
function adaptedChannels(
  values: Float32Array,
  [rows, columns, theirs, out]: readonly number[],
  to: readonly number[],
  how: ChannelAdaptation,
): Float32Array {
  const ours = to[2];
  const summed = how === 'mean' || ours === 1;
  const result = new Float32Array(rows * columns * ours * out);
  for (let cell = 0; cell < rows * columns; cell++) {
    const at = (channel: number, unit: number) => values[(cell * theirs + channel) * out + unit];
    for (let unit = 0; unit < out; unit++) {
      let sum = 0;
      for (let channel = 0; channel < theirs; channel++) sum += at(channel, unit);
      for (let channel = 0; channel < ours; channel++) {
        const value = summed ? sum / ours : (at(channel % theirs, unit) * theirs) / ours;
        result[(cell * ours + channel) * out + unit] = value;
      }
    }
  }
  return result;
}
