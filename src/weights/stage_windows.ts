/**
 * The windows of the stages of a network that is made from a checkpoint, and what V2's coordinates are relative to.
 *
 *   windowSize             the caller's, else the file's. timm and microsoft make a window no larger than the stage's map of
 *                          the images that the network is built for, and so does imageSize here; torchvision never does
 *   pretrainedWindowSize   the caller's, else that of the file's coordinates, else the file's window, else windowSize
 *
 * Source: timm, swin_transformer_v2.py; microsoft/Swin-Transformer, swin_transformer_v2.py; torchvision, swin_transformer.py.
 */
import type {SwinTransformerArgs} from '../../architectures/index.js';
import {clampWindows, isOneWindow, stageCells} from '../../architectures/swin_parts.js';
import {type Size, sizePair} from '../../kernels/common/arguments.js';
import type {Layout} from './layouts/index.js';
import type {Pair} from './swin_settings.js';

type Windows = Pick<SwinTransformerArgs, 'windowSize' | 'pretrainedWindowSize' | 'shiftRule'>;

const WHO = 'swinFromCheckpoint';

/** Layouts of systems that make windows fit the maps when they build a network. */
const CLAMPING: ReadonlySet<Layout> = new Set(['microsoft', 'timm', 'huggingface', 'swin-unet']);

/**
 * @param found What the file tells.
 * @param given What the caller says.
 * @returns The arguments of swinTransformer, and what of them was assumed, for the report.
 */
export function stageWindows(
  layout: Layout,
  found: SwinTransformerArgs,
  given: SwinTransformerArgs,
): {windows: Windows; notes: string[]} {
  const stages = (given.depths ?? found.depths ?? []).length;
  const asked = given.windowSize ?? found.windowSize;
  const each = asked === undefined ? undefined : windowsOfStages(asked, stages);
  const v2 = (given.variant ?? found.variant) === 'v2';
  const notes: string[] = [];
  let windows: Windows = {windowSize: each};
  if (each && CLAMPING.has(layout) && (given.windowSize === undefined || isOneWindow(given.windowSize))) {
    const imageSize = given.imageSize ?? found.imageSize;
    const patch = sizePair(WHO, 'patchSize', given.patchSize ?? found.patchSize ?? 4);
    if (imageSize !== undefined) {
      windows = clamped(layout, v2, each, sizePair(WHO, 'imageSize', imageSize), patch);
    } else if (v2 && given.windowSize !== undefined) {
      notes.push(
        `windowSize: ${each[0].join('x')} in all stages, for no imageSize is given; timm and microsoft make it smaller ` +
          'where the map is (give the imageSize that the network was built for)',
      );
    }
  }
  if (!v2) return {windows, notes};
  const pretrained = given.pretrainedWindowSize ?? found.pretrainedWindowSize;
  if (pretrained !== undefined) return {windows: {...windows, pretrainedWindowSize: pretrained}, notes};
  notes.push(
    `pretrainedWindowSize: the file does not tell it; taken to be ${found.windowSize ? "the file's window" : 'windowSize'}, ` +
      'as in a network that was not fine-tuned from another window',
  );
  return {windows: {...windows, pretrainedWindowSize: found.windowSize ?? windows.windowSize}, notes};
}

/** The windows that each system builds for images of one size, and where they shift. */
function clamped(layout: Layout, v2: boolean, each: Pair[], image: Pair, patch: Pair): Windows {
  if (layout !== 'huggingface') return {windowSize: clampWindows(each, image, patch)};
  if (!v2) return {windowSize: each};
  // transformers builds V2 by the rows alone.
  const rows = each.map((_, stage) => stageCells(image[0], patch[0], stage));
  return {
    windowSize: each.map(([height, width], i) => [Math.min(height, rows[i]), Math.min(width, rows[i])]),
    shiftRule: each.map(([height], i) => (rows[i] <= height ? 'none' : 'perAxis')),
  };
}

/** One window per stage, of one for all or one for each. */
function windowsOfStages(given: Size | Size[], stages: number): Pair[] {
  const pair = (size: Size): Pair => sizePair(WHO, 'windowSize', size);
  if (isOneWindow(given)) return Array.from({length: stages}, () => pair(given));
  return given.map(pair);
}
