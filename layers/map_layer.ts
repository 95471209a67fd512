/**
 * Base of the layers that take a map of cells and return one: weights by name, and either data format outside.
 *
 *   channelsFirst  [B, C, H, W] in and out (default)
 *   channelsLast   [B, H, W, C] in and out
 *
 * Inside it is always [B, H, W, C]: a channelsFirst layer transposes once at each end.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {optionalSeed} from '../kernels/common/arguments.js';
import {checkDataFormat, type DataFormat, mapShape} from '../kernels/common/data_format.js';
import {defined} from '../kernels/common/defined.js';
import {ConfigError, ShapeError} from '../kernels/common/errors.js';
import {type ArgumentHints, type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {warnOfDataFormat} from './data_format_warning.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {type ParameterSpec, ParameterValues} from './parameters.js';
import {derivedSeed, type RandomLayer} from './random_seed.js';
import {checkInput, singleInput, singleShape} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';
import {WEIGHT_ARGUMENTS, type WeightOptions, WeightTreatments} from './weight_options.js';

export interface MapLayerArgs extends LayerArgs, WeightOptions {
  /** Where the channels are, outside the layer. Default 'channelsFirst'. */
  dataFormat?: DataFormat;
  /** Makes dropout and drop-path repeatable. Default: none. */
  seed?: number;
}

/** The names of what every such layer takes. */
export const MAP_ARGUMENTS = {
  ...LAYER_ARGUMENTS,
  ...WEIGHT_ARGUMENTS,
  ...{dataFormat: true, seed: true},
} as const satisfies ArgumentNames<MapLayerArgs>;

/** Shape of a map inside the layer: [B, H, W, C], null where unknown. */
export type MapShape = [number | null, number | null, number | null, number];

/** The same, all sizes known. */
export type KnownMapShape = [number, number, number, number];

/** Numbers in the largest weight: 1 GiB of them, which a wasm heap and the buffers of GPUs hold. */
const MOST_NUMBERS = 2 ** 28;

/** Number of cells along an axis after a change, or null while it is unknown. */
export function mapSize(size: number | null, change: (size: number) => number): number | null {
  return size === null ? null : change(size);
}

export abstract class MapLayer extends tfl.layers.Layer implements RandomLayer {
  readonly dataFormat: DataFormat;
  protected readonly seed?: number;
  private readonly treatments: WeightTreatments;
  private readonly variables = new Map<string, tfl.LayerVariable>();
  randomUses = 0;
  /** Channels that the weights were made for; height and width stay free. */
  private builtChannels?: number;

  /**
   * @param known The names of what the layer takes.
   * @param hints What to do instead of giving certain other arguments.
   */
  constructor(args: MapLayerArgs, known: Readonly<Record<string, true>>, hints?: ArgumentHints) {
    super(args ?? {});
    checkArguments(this.who, args, known, hints);
    this.dataFormat = checkDataFormat(this.who, args.dataFormat ?? 'channelsFirst');
    this.seed = optionalSeed(this.who, args.seed);
    this.treatments = new WeightTreatments(this.who, args);
  }

  /** The layer in messages: `SwinT(stage2)`. */
  protected get who(): string {
    return layerName(this);
  }

  /** The parameters for maps of this shape. Checks what can only be checked once the input is known. */
  protected abstract parametersFor(shape: MapShape): ParameterSpec[];

  /** Shape of the result, [B, H, W, C]. */
  protected abstract outputFor(shape: MapShape): MapShape;

  /** The result, [B, H, W, C] to [B, H, W, C]. */
  protected abstract forward(x: tf.Tensor4D, parameters: ParameterValues, training: boolean): tf.Tensor4D;

  /** The shape of an input as [B, H, W, C]. */
  private mapShape(shape: tfl.Shape | tfl.Shape[]): MapShape {
    const one = singleShape(shape);
    const named = showShape(['B', ...mapShape(this.dataFormat, 'C', 'H', 'W')]);
    if (one.length !== 4) {
      throw new ShapeError(
        `${this.who}: the input must have rank 4, ${named}; got rank ${one.length}, ${showShape(one)}.`,
      );
    }
    const [batch, a, b, c] = one;
    const map = this.dataFormat === 'channelsFirst' ? [batch, b, c, a] : one;
    if (map[3] === null || map[3] === undefined) {
      const last = this.dataFormat === 'channelsFirst' && typeof one[3] === 'number';
      const fix = last ? " (dataFormat: 'channelsLast' where they are the last axis)" : '';
      throw new ShapeError(
        `${this.who}: the channels of the input must be known; got ${showShape(one)} for ${named}${fix}.`,
      );
    }
    if (this.builtChannels !== undefined && map[3] !== this.builtChannels) {
      throw new ShapeError(
        `${this.who}: the input must have the ${this.builtChannels} channels that the layer was built with; got ` +
          `${map[3]} in ${showShape(one)}.`,
      );
    }
    if (map[1] === 0 || map[2] === 0 || map[3] === 0) {
      throw new ShapeError(`${this.who}: the map must have cells and channels; got ${showShape(one)}.`);
    }
    return [map[0] ?? null, map[1] ?? null, map[2] ?? null, map[3]];
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInput(this.who, inputs);
    warnOfDataFormat(this, inputs, this.dataFormat);
    return super.apply(inputs, kwargs);
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = this.mapShape(inputShape);
    const specs = this.parametersFor(shape);
    this.checkSizes(specs);
    specs.forEach((spec, position) => {
      const {name, shape: size} = spec;
      const {initializer, regularizer, constraint} = this.treatments.of(spec, position);
      const variable = this.addWeight(name, size, 'float32', initializer, regularizer, true, constraint);
      this.variables.set(name, variable);
    });
    this.builtChannels = shape[3];
    super.build(inputShape);
  }

  /** @throws ConfigError for a parameter without numbers, or with more than a buffer holds, before any is made. */
  private checkSizes(specs: ParameterSpec[]): void {
    for (const {name, shape} of specs) {
      const numbers = shape.reduce((product, size) => product * size, 1);
      if (numbers >= 1 && numbers <= MOST_NUMBERS) continue;
      throw new ConfigError(
        `${this.who}: every weight must have from 1 to ${MOST_NUMBERS.toLocaleString('en-US')} numbers; got ${name} of ` +
          `shape ${showShape(shape)} (change the argument that gives it that size).`,
      );
    }
  }

  /**
   * Multiply-adds, a multiplication with its addition as one, of products, convolutions and attention in a forward pass.
   *
   * @param inputShape Shape of the input, all sizes known.
   */
  multiplyAdds(inputShape: tfl.Shape): number {
    return this.mapMultiplyAdds(this.mapShape(inputShape) as KnownMapShape);
  }

  /** The same for maps [B, H, W, C]. */
  protected mapMultiplyAdds(_shape: KnownMapShape): number {
    return 0;
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, height, width, channels] = this.outputFor(this.mapShape(inputShape));
    return [batch, ...mapShape(this.dataFormat, channels, height, width)];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: {training?: boolean} = {}): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs) as tf.Tensor4D;
      // Computing the shape checks that of x as well.
      this.outputFor(this.mapShape(x.shape));
      const parameters = new ParameterValues((name) => this.variables.get(name)?.read());
      const first = this.dataFormat === 'channelsFirst';
      const map = first ? tf.transpose(x, [0, 2, 3, 1]) : x;
      const y = this.forward(map, parameters, kwargs.training === true);
      return first ? tf.transpose(y, [0, 3, 1, 2]) : y;
    });
  }

  /** A seed for one use of randomness: derived from the layer's seed, or a fresh one where it has none. */
  protected nextSeed(): number {
    this.randomUses++;
    return derivedSeed(this.seed, this.randomUses);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      ...defined({dataFormat: this.dataFormat, seed: this.seed}),
      ...this.treatments.config,
    };
  }
}
