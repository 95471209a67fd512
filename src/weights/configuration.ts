/**
 * The configuration of the Swin Transformer that a checkpoint was saved from, read from its names and shapes.
 *
 *   embedDim, inChannels, patchSize   kernel of the patches [embedDim, inChannels, p, p]
 *   depths                            blocks of each stage
 *   numHeads                          columns of the bias table, or in V2 logits of the scale
 *   windowSize                        rows of the bias table, (2 w - 1)^2; in V2 relative_coords_table [1, 2 w - 1, 2 w - 1, 2]
 *                                     or relative_position_index, w^4 entries, where the file has one of them; or the settings
 *                                     that saveWeights writes (swin_settings.ts), before all others
 *   pretrainedWindowSize (V2)         from the last coordinate c = log2(1 + 8 (w - 1) / (p - 1)) / 3; none where the file
 *                                     does not tell it
 *   mlpRatio                          hidden width of the first MLP / embedDim
 *   qkvBias, patchNorm, absolutePosition, numClasses   whether the weights are there, and the head's rows
 *   padding, shiftRule                those of the system whose layout it is
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {SwinTransformerArgs, SwinUNetArgs} from '../../architectures/index.js';
import type {BackboneOutputs} from '../../architectures/swin_transformer.js';
import {CheckpointError} from '../errors.js';
import {fromFile} from './axes.js';
import type {Checkpoint} from './checkpoint.js';
import {type Layout, namingOf, type Version, versionOf} from './layouts/index.js';
import type {WeightSource} from './layouts/naming.js';
import {type Pair, settingsOf, stagesOf} from './swin_settings.js';
import {namesOf} from './weight_names.js';

/** Where weights are looked up by the name that microsoft gives them. */
interface Lookup {
  file: Checkpoint;
  version: Version;
  source(canonical: string): WeightSource | undefined;
}

function lookupIn(file: Checkpoint, layout: Layout): Lookup {
  const version = versionOf(file.tensors.keys());
  const naming = namingOf(layout, version);
  // Our own names are found by what they would be called elsewhere.
  const originals = new Map(
    [...file.tensors.keys()].map((original) => [namesOf({originalName: original}).canonical, original]),
  );
  const source = (canonical: string) => naming({canonical, original: originals.get(canonical) ?? canonical});
  return {file, version, source};
}

/** The shape of a weight in our order of axes, or undefined where the file has it not. */
function shapeOf({file, source}: Lookup, canonical: string): number[] | undefined {
  const found = source(canonical);
  const shapes = found?.names.map((name) => file.tensors.get(name)?.shape) ?? [];
  const [first] = shapes;
  if (!found || !first || shapes.some((shape) => !shape)) return undefined;
  const rows = shapes.reduce((sum, shape) => sum + (shape?.[0] ?? 0), 0);
  return fromFile(found.form, [rows, ...first.slice(1)], []).shape;
}

/** A buffer beside the weight of this name, in the file's own words. */
function bufferName({source}: Lookup, canonical: string, buffer: string): string {
  const beside = source(canonical)?.names[0] ?? canonical;
  return beside.replace(/logit_scale$/, buffer);
}

/**
 * What swinTransformer takes to build the network.
 *
 * @param file A checkpoint of a whole Swin Transformer.
 * @param windowKnown Whether the caller says the window: it is then none of the result where the file does not tell it.
 * @throws CheckpointError where the file is no Swin Transformer's, or does not tell the window.
 */
export function configurationOf(file: Checkpoint, layout: Layout, windowKnown: boolean): SwinTransformerArgs {
  const lookup = lookupIn(file, layout);
  const has = (canonical: string) => shapeOf(lookup, canonical) !== undefined;
  const v2 = lookup.version === 'V2';
  const patches = shapeOf(lookup, 'patch_embed.proj.weight');
  const depths = depthsOf(has);
  if (patches?.length !== 4 || depths.length === 0) {
    throw new CheckpointError(
      `${file.name}: a model can be made of a whole Swin Transformer only; got a checkpoint without ` +
        `${depths.length === 0 ? 'stages of blocks' : 'patches'} (build the model and load the weights into it).`,
    );
  }
  const [height, width, inChannels, embedDim] = patches;
  const heads = v2 ? 'attn.logit_scale' : 'attn.relative_position_bias_table';
  const numHeads = depths.map((_, i) => {
    const shape = shapeOf(lookup, `layers.${i}.blocks.0.${heads}`) ?? [];
    return shape[v2 ? 0 : 1];
  });
  const hidden = shapeOf(lookup, 'layers.0.blocks.0.mlp.fc1.weight')?.[1] ?? 0;
  const positions = shapeOf(lookup, 'absolute_pos_embed');
  const settings = settingsOf(file, depths.length);
  return {
    inChannels,
    patchSize: [height, width],
    embedDim,
    depths,
    numHeads,
    ...(depths.some((depth) => depth % 2 === 1) ? {oddDepths: true} : {}),
    ...(settings ?? {
      ...(v2 ? windowsOfV2(lookup, depths, windowKnown) : windowsOfV1(lookup, depths, windowKnown)),
      ...PUBLISHED[layout],
    }),
    variant: v2 ? 'v2' : 'v1',
    mlpRatio: hidden / embedDim,
    qkvBias: has(`layers.0.blocks.0.attn.${v2 ? 'q_bias' : 'qkv.bias'}`),
    patchNorm: has('patch_embed.norm.weight'),
    absolutePosition: positions !== undefined,
    // Cells that are no square's do not tell their rows: the caller has to.
    ...(positions?.length === 4 ? {imageSize: [positions[1] * height, positions[2] * width]} : {}),
    numClasses: shapeOf(lookup, 'head.weight')?.[1] ?? shapeOf(lookup, 'output.kernel')?.[3] ?? 0,
  };
}

/** What comes out of a checkpoint of a backbone; undefined for one of a classifier or its features. */
export function backboneOf(file: Checkpoint, layout: Layout, stages: number): BackboneOutputs | undefined {
  const lookup = lookupIn(file, layout);
  const has = (canonical: string) => shapeOf(lookup, canonical) !== undefined;
  const all = Array.from({length: stages}, (_, i) => i);
  const outStages = all.filter((stage) => has(`norm${stage}.weight`));
  if (outStages.length > 0) return {outStages, outNorms: true};
  return has('norm.weight') || has('head.weight') ? undefined : {outStages: all, outNorms: false};
}

/** The arguments of swinUNet beside those of swinTransformer that a checkpoint tells. */
export type UNetParts = Pick<SwinUNetArgs, 'decoderDepths' | 'skips' | 'oddDepths'>;

/** What swinUNet takes beside that; undefined for a checkpoint that is none of Swin-Unet's. */
export function unetOf(file: Checkpoint, layout: Layout, stages: number): UNetParts | undefined {
  if (layout !== 'swin-unet') return undefined;
  const lookup = lookupIn(file, layout);
  const up = depthsOf((canonical) => shapeOf(lookup, canonical) !== undefined, 'layers_up');
  // The deepest stage has none on the way up; the first of these is for the last of the others.
  if (up.length === stages - 1) {
    const odd = up.some((depth) => depth % 2 === 1);
    return {decoderDepths: up.reverse(), skips: 'stageInput', ...(odd ? {oddDepths: true} : {})};
  }
  throw new CheckpointError(
    `${file.name}: a Swin-Unet must have a stage on the way up for each on the way down but the last; got ${up.length} for ` +
      `${stages}.`,
  );
}

/** What the systems do whose layouts these are: all attend to padded cells, and two shift both axes or none. */
const PUBLISHED: Readonly<Partial<Record<Layout, SwinTransformerArgs>>> = {
  torchvision: {padding: 'attended'},
  timm: {padding: 'attended'},
  microsoft: {padding: 'attended', shiftRule: 'joint'},
  huggingface: {padding: 'attended', shiftRule: 'joint'},
  // Takes only maps that windows cut evenly.
  'swin-unet': {shiftRule: 'joint'},
};

/** Blocks of each stage, on the way down or, `layers_up`, up. */
function depthsOf(has: (canonical: string) => boolean, layers = 'layers'): number[] {
  const depths: number[] = [];
  for (let stage = 0; has(`${layers}.${stage}.blocks.0.norm1.weight`); stage++) {
    let depth = 1;
    while (has(`${layers}.${stage}.blocks.${depth}.norm1.weight`)) depth++;
    depths.push(depth);
  }
  return depths;
}

/** The window of each stage by its bias table; a table that is no square's gives none. */
function windowsOfV1(lookup: Lookup, depths: number[], windowKnown: boolean): {windowSize?: Pair[]} {
  const windows: Pair[] = [];
  for (const stage of depths.keys()) {
    const name = `layers.${stage}.blocks.0.attn.relative_position_bias_table`;
    const rows = shapeOf(lookup, name)?.[0] ?? 0;
    const side = (Math.sqrt(rows) + 1) / 2;
    if (Number.isInteger(side) && side >= 1) {
      windows.push([side, side]);
      continue;
    }
    if (windowKnown) return {};
    throw new CheckpointError(
      `${lookup.file.name}: ${name} must have (2 w - 1)^2 rows for windows of w by w; got ${rows} (give windowSize, [rows, columns] ` +
        'or one per stage).',
    );
  }
  return {windowSize: windows};
}

/** The windows of V2, now and in pretraining, by the buffers of each stage. */
function windowsOfV2(
  lookup: Lookup,
  depths: number[],
  windowKnown: boolean,
): {windowSize?: Pair[]; pretrainedWindowSize?: Pair[]} {
  const found = depths.map((_, stage) => windowOfV2(lookup, `layers.${stage}.blocks.0.attn.logit_scale`));
  const known = found.flatMap((one) => (one ? [one] : []));
  if (known.length === depths.length) {
    const trained = known.flatMap(({pretrained}) => (pretrained ? [pretrained] : []));
    return {
      windowSize: known.map(({window}) => window),
      ...(trained.length === depths.length ? {pretrainedWindowSize: trained} : {}),
    };
  }
  if (windowKnown) return {};
  throw new CheckpointError(
    `${lookup.file.name}: a checkpoint of Swin V2 must have relative_coords_table or relative_position_index to tell its ` +
      'window; got neither (give windowSize, the one it was trained with).',
  );
}

function windowOfV2(lookup: Lookup, scale: string): {window: Pair; pretrained?: Pair} | undefined {
  const {file} = lookup;
  const table = bufferName(lookup, scale, 'relative_coords_table');
  const sizes = file.tensors.get(table)?.shape ?? [];
  if (sizes.length === 4 && sizes[3] === 2) {
    const window: Pair = [(sizes[1] + 1) / 2, (sizes[2] + 1) / 2];
    // The last coordinates are those of the farthest offsets.
    const values = file.values(table);
    const last = [values[values.length - 2], values[values.length - 1]];
    const trained = (axis: 0 | 1) =>
      last[axis] > 0 ? Math.round(1 + (8 * (window[axis] - 1)) / (8 ** last[axis] - 1)) : window[axis];
    return {window, pretrained: [trained(0), trained(1)]};
  }
  const index = file.tensors.get(bufferName(lookup, scale, 'relative_position_index'))?.shape;
  const side = index ? index.reduce((a, b) => a * b, 1) ** 0.25 : 0;
  return Number.isInteger(side) && side >= 1 ? {window: [side, side]} : undefined;
}

/** Where the coordinates of V2 in the file are relative to other windows than the model's. */
export function coordinateNotes(file: Checkpoint, layout: Layout, model: tfl.LayersModel): string[] {
  const lookup = lookupIn(file, layout);
  const notes: string[] = [];
  for (const layer of stagesOf(model)) {
    const {name} = layer;
    const theirs = windowOfV2(lookup, `${name}.blocks.0.attn.logit_scale`)?.pretrained;
    const ours = layer.getConfig().pretrainedWindowSize as Pair | undefined;
    if (!theirs || !ours || (theirs[0] === ours[0] && theirs[1] === ours[1])) continue;
    notes.push(
      `${name}: the coordinates of its bias network are relative to a window of ${ours.join('x')}, in the file to one of ` +
        `${theirs.join('x')} (pretrainedWindowSize)`,
    );
  }
  return notes;
}
