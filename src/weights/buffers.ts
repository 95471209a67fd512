/**
 * Buffers that torchvision, microsoft/Swin-Transformer and HuCaoFighting/Swin-Unet keep among the weights of a block, without which their
 * `load_state_dict` refuses a file. All of them follow from the configuration.
 *
 *   attn.relative_position_index   int64   torchvision [N N], others [N, N]         N tokens of a window
 *   attn.relative_coords_table     V2      [1, 2 Wh - 1, 2 Ww - 1, 2]
 *   attn_mask                      not torchvision, blocks that shift: [windows, N, N], 0 or -100, for images of the size that
 *                                          the model is built for
 *
 * Sources: torchvision, models/swin_transformer.py; microsoft/Swin-Transformer, models/swin_transformer.py and _v2.py.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {sizePair} from '../../kernels/common/arguments.js';
import {logSpacedCoordinates, relativePositionIndex} from '../../kernels/geometry/relative_position.js';
import {SEEN, windowGeometry, windowVisibility} from '../../kernels/geometry/windows.js';
import {classifierMetadata} from '../inference/classifier_metadata.js';
import type {Layout} from './layouts/index.js';
import type {Naming} from './layouts/naming.js';
import type {NamedValues, NamedWholeNumbers} from './safetensors.js';
import {type Pair, stagesOf} from './swin_settings.js';

/** What is asked of the configuration of a stage. */
interface StageConfig {
  depth: number;
  windowSize: Pair;
  pretrainedWindowSize?: Pair;
  variant: string;
}

/** The buffers of a model's stages under a layout's names; none for a layout or a model that has none. */
export function buffersOf(
  model: tfl.LayersModel,
  layout: Layout,
  naming: Naming,
): (NamedValues | NamedWholeNumbers)[] {
  if (layout !== 'torchvision' && layout !== 'microsoft' && layout !== 'swin-unet') return [];
  const down = stagesOf(model);
  const up = model.layers.filter(({name}) => /^layers_up\.\d+$/.test(name));
  // The first stage on the way up has the map of the last but one on the way down.
  const mapStage = (i: number) => (i < down.length ? i : 2 * down.length - 2 - i);
  return [...down, ...up].flatMap((stage, i) => {
    const config = stage.getConfig() as unknown as StageConfig;
    return Array.from({length: config.depth}, (_, block) => {
      const nameOf = (buffer: string) => {
        const canonical = `${stage.name}.blocks.${block}.${buffer}`;
        return naming({canonical, original: canonical})!.names[0];
      };
      const shifts = layout !== 'torchvision' && block % 2 === 1;
      const mask = shifts ? shiftMask(mapOf(model, mapStage(i)), config.windowSize) : null;
      return [
        indexOf(nameOf('attn.relative_position_index'), config, layout),
        ...(config.variant === 'v2' ? [coordinatesOf(nameOf('attn.relative_coords_table'), config)] : []),
        ...(mask ? [{...mask, name: nameOf('attn_mask')}] : []),
      ];
    }).flat();
  });
}

function indexOf(name: string, {windowSize}: StageConfig, layout: Layout): NamedWholeNumbers {
  const tokens = windowSize[0] * windowSize[1];
  const values = BigInt64Array.from(relativePositionIndex(windowSize), BigInt);
  return {name, shape: layout === 'torchvision' ? [tokens * tokens] : [tokens, tokens], values};
}

function coordinatesOf(name: string, {windowSize, pretrainedWindowSize}: StageConfig): NamedValues {
  const [height, width] = windowSize.map((side) => 2 * side - 1);
  return {
    ...{name, shape: [1, height, width, 2]},
    values: logSpacedCoordinates(windowSize, pretrainedWindowSize ?? windowSize),
  };
}

/** Rows and columns of a stage's map for the images that the model is built for; null where it does not say which. */
function mapOf(model: tfl.LayersModel, stage: number): Pair | null {
  const {imageSize} = classifierMetadata(model);
  const patchSize = model.layers.find(({name}) => name === 'patch_embed')?.getConfig().patchSize;
  if (imageSize === undefined || patchSize === undefined) return null;
  const size = sizePair('saveWeights', 'imageSize', imageSize);
  const patch = sizePair('saveWeights', 'patchSize', patchSize);
  return [Math.ceil(size[0] / patch[0]) >> stage, Math.ceil(size[1] / patch[1]) >> stage];
}

/**
 * -100 where a block that is shifted by half a window hides a key; null where the smaller side is one window, which microsoft
 * does not shift, or where windows do not fit, which it does not take.
 */
function shiftMask(map: Pair | null, window: Pair): Pick<NamedValues, 'shape' | 'values'> | null {
  if (map === null || Math.min(...map) <= Math.min(...window)) return null;
  if (map.some((side, axis) => side % window[axis] !== 0)) return null;
  const shift: Pair = [Math.floor(window[0] / 2), Math.floor(window[1] / 2)];
  const geometry = windowGeometry(map, window, shift, 'attended');
  const visibility = windowVisibility(geometry);
  if (visibility === null) return null;
  const {windows, tokens} = geometry;
  return {
    shape: [windows, tokens, tokens],
    values: Float32Array.from(visibility, (how) => (how === SEEN ? 0 : -100)),
  };
}
