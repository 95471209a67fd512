/**
 * 3x3 convolutions at the full resolution, a half, a quarter and so on: on the way down before the patches are taken, and on
 * the way up behind the last patches, each level with a skip connection to itself.
 *
 *   down, level l:  relu(BN(3x3)), as often as the level has widths; the first of each level but the first with stride 2
 *   up, level l:    PatchExpanding -> crop to the level's map -> concat with it -> relu(BN(3x3)), as often as on the way down
 *
 *   pixels [B, H, W, C] to maps [B, ceil(H / 2^l), ceil(W / 2^l), the level's last width]
 *
 * Source: Ronneberger et al. 2015, "U-Net"; Chen et al. 2021, "TransUNet", section 3.2, for convolutions before the patches.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {positiveInteger} from '../kernels/common/arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {batchNormalization, ConfigError, cropLike, patchExpanding} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {narrow} from './swin_parts.js';

type Seed = number | undefined;

/**
 * relu(BN(3x3)), with a row and a column of zeros on every side.
 *
 * With stride 2, padding 'same' would pad odd sizes on both sides and even ones on one, so that a network trained on even
 * sizes would see its maps moved by a cell in images of odd ones.
 */
function convolve(x: Symbolic, name: string, filters: number, seed: Seed, strides = 1): Symbolic {
  const halves = strides > 1;
  const padded = halves ? tfl.layers.zeroPadding2d({name: `${name}.pad`, padding: [1, 1]}).apply(x) : x;
  const convolved = tfl.layers
    .conv2d({
      ...{name, filters, kernelSize: 3, strides, padding: halves ? 'valid' : 'same', useBias: false},
      kernelInitializer: tfl.initializers.heNormal({seed}),
    })
    .apply(padded);
  const normalised = batchNormalization({name: `${name}.bn`, momentum: 0.9, epsilon: 1e-5}).apply(convolved);
  return tfl.layers.activation({name: `${name}.relu`, activation: 'relu'}).apply(normalised) as Symbolic;
}

/** @throws ConfigError for a level without widths, or patches that the levels do not leave whole. */
export function checkLevels(who: string, levels: readonly number[][], patchSize: number): void {
  for (const widths of levels) {
    if (!Array.isArray(widths) || widths.length === 0) {
      throw new ConfigError(
        `${who}: convolutions must be widths, or one list of widths per resolution; got ${showValue(levels)}.`,
      );
    }
    for (const width of widths) positiveInteger(who, 'convolutions', width);
  }
  const stride = 2 ** (levels.length - 1);
  if (patchSize % stride !== 0) {
    throw new ConfigError(
      `${who}: patchSize must be a multiple of the last convolutions' stride, ${stride}; got ${patchSize} ` +
        `(${stride}, ${2 * stride}, or fewer resolutions).`,
    );
  }
}

/** The map of each level. */
export function levelsDown(levels: readonly number[][], pixels: Symbolic, nextSeed: () => Seed): Symbolic[] {
  const maps: Symbolic[] = [];
  let x = pixels;
  for (const [level, widths] of levels.entries()) {
    for (const [i, width] of widths.entries()) {
      const strides = level > 0 && i === 0 ? 2 : 1;
      x = convolve(x, `conv_down.${level}.${i}`, width, nextSeed(), strides);
    }
    maps.push(x);
  }
  return maps;
}

/**
 * @param x The map on the way up, after its patches.
 * @param maps What `levelsDown` returned.
 * @param patch Cells of the last level's map that a cell of `x` stands for, on each axis.
 * @returns a map of the full resolution.
 */
export function levelsUp(
  levels: readonly number[][],
  x: Symbolic,
  maps: readonly Symbolic[],
  patch: number,
  nextSeed: () => Seed,
): Symbolic {
  let up = x;
  for (let level = levels.length - 1; level >= 0; level--) {
    const widths = levels[level];
    const name = `conv_up.${level}`;
    const scale = level === levels.length - 1 ? patch : 2;
    if (scale > 1) {
      const seed = nextSeed();
      const outChannels = widths[widths.length - 1];
      const args = {name: `${name}.expand`, scale, outChannels, dataFormat: 'channelsLast', seed} as const;
      up = patchExpanding({...args, kernelInitializer: narrow(seed)}).apply(up) as Symbolic;
    }
    up = cropLike({name: `${name}.crop`}).apply([up, maps[level]]) as Symbolic;
    up = tfl.layers.concatenate({name: `${name}.concat`, axis: -1}).apply([up, maps[level]]) as Symbolic;
    for (const [i, width] of widths.entries()) up = convolve(up, `${name}.${i}`, width, nextSeed());
  }
  return up;
}
