/**
 * Conv2D's options for how weights start, are penalised and are constrained: kernelInitializer, kernelRegularizer, ...
 *
 * A tfjs Conv2D reads and writes them here, so that names ('heNormal'), objects and saved configurations mean what
 * they mean in any built-in layer.
 */
import type {serialization} from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError} from '../kernels/common/errors.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import type {ParameterRole, ParameterSpec} from './parameters.js';
import type {Constraint, Initializer, Regularizer} from './tfjs_types.js';

type Conv2DArgs = Parameters<typeof tfl.layers.conv2d>[0];

export interface WeightOptions {
  /**
   * How kernels start. Default: a normal distribution of deviation 0.02, cut at two deviations. The depthwise kernels of a block
   * start in their own way.
   */
  kernelInitializer?: Conv2DArgs['kernelInitializer'];
  /** How biases start. Default: zeros. */
  biasInitializer?: Conv2DArgs['biasInitializer'];
  kernelRegularizer?: Conv2DArgs['kernelRegularizer'];
  biasRegularizer?: Conv2DArgs['biasRegularizer'];
  kernelConstraint?: Conv2DArgs['kernelConstraint'];
  biasConstraint?: Conv2DArgs['biasConstraint'];
}

/** What a Conv2D makes of its options. */
interface Conv2DFields {
  kernelInitializer: Initializer;
  biasInitializer: Initializer;
  kernelRegularizer?: Regularizer;
  biasRegularizer?: Regularizer;
  kernelConstraint?: Constraint;
  biasConstraint?: Constraint;
}

export const WEIGHT_ARGUMENTS = {
  ...{kernelInitializer: true, biasInitializer: true},
  ...{kernelRegularizer: true, biasRegularizer: true},
  ...{kernelConstraint: true, biasConstraint: true},
} as const satisfies ArgumentNames<WeightOptions>;

const NAMES = Object.keys(WEIGHT_ARGUMENTS) as (keyof WeightOptions)[];

/** A Conv2D with these options: it reads names, objects and configurations, and `getConfig` writes them. */
function conv2dWith(options: WeightOptions): tfl.layers.Layer {
  // Named, so that no number is taken from the automatic names of the user's own layers.
  return tfl.layers.conv2d({filters: 1, kernelSize: 1, name: 'weight_options', ...options});
}

/** The same, where an option that tfjs does not know is an error of the layer that has it. */
function checkedConv2D(who: string, options: WeightOptions): tfl.layers.Layer {
  try {
    return conv2dWith(options);
  } catch (error) {
    const given = Object.entries(options).map(([name, value]) => `${name}: ${showValue(value)}`);
    const [reason] = (error as Error).message.split(/\. |\n/);
    throw new ConfigError(
      `${who}: the options of weights must be those of a Conv2D, as names, objects or configurations; got ` +
        `${given.join(', ')} (tfjs: ${reason}).`,
      {cause: error},
    );
  }
}

/** What Layer.addWeight needs for a kind of parameter. */
export interface WeightTreatment {
  initializer: Initializer;
  regularizer?: Regularizer;
  constraint?: Constraint;
}

/** The weight options of one layer, read once. */
export class WeightTreatments {
  private readonly fields: Conv2DFields;
  /** The options in the form that getConfig saves. */
  readonly config: Required<{[name in keyof WeightOptions]: serialization.ConfigDictValue}>;

  /** @throws ConfigError for an option that a Conv2D refuses, too. */
  constructor(who: string, args: WeightOptions) {
    const options: WeightOptions = {
      kernelInitializer: tfl.initializers.truncatedNormal({stddev: 0.02}),
      biasInitializer: 'zeros',
    };
    for (const name of NAMES) {
      if (args[name] !== undefined && args[name] !== null) Object.assign(options, {[name]: args[name]});
    }
    const layer = checkedConv2D(who, options);
    this.fields = layer as unknown as Conv2DFields;
    const config = layer.getConfig();
    const saved = Object.fromEntries(NAMES.map((name) => [name, config[name] ?? null]));
    // As a file will have it: a seed that is not there stays away, be it undefined or null.
    const text = JSON.stringify(saved, (key, value) =>
      key === 'seed' && value === null ? undefined : value,
    );
    this.config = JSON.parse(text);
  }

  /**
   * How a parameter is treated.
   *
   * @param position Number of the parameter within its layer. A seeded initializer is given seed + position, so that
   *   weights of equal shape do not start equal.
   */
  of({role, start = 0}: Pick<ParameterSpec, 'role' | 'start'>, position: number): WeightTreatment {
    const {fields} = this;
    if (role === 'kernel') {
      return {
        initializer: withSeedAt(fields.kernelInitializer, position),
        regularizer: fields.kernelRegularizer,
        constraint: fields.kernelConstraint,
      };
    }
    if (role === 'bias') {
      return {
        initializer: withSeedAt(fields.biasInitializer, position),
        regularizer: fields.biasRegularizer,
        constraint: fields.biasConstraint,
      };
    }
    if (role === 'depthwiseKernel' || role === 'residualKernel') {
      const zeros = role === 'residualKernel';
      return {
        initializer: zeros ? tfl.initializers.zeros() : this.depthwise(position),
        regularizer: fields.kernelRegularizer,
        constraint: fields.kernelConstraint,
      };
    }
    type Others = Exclude<ParameterRole, 'kernel' | 'bias' | 'depthwiseKernel' | 'residualKernel'>;
    const initializers: Record<Others, () => Initializer> = {
      layerScale: () => tfl.initializers.constant({value: start}),
      gamma: () => tfl.initializers.ones(),
      residualGamma: () => tfl.initializers.zeros(),
      beta: () => tfl.initializers.zeros(),
      biasTable: () => this.narrow(position),
      position: () => this.narrow(position),
      // A temperature of 0.1: exp(ln 10).
      logitScale: () => tfl.initializers.constant({value: Math.log(10)}),
    };
    return {initializer: initializers[role]()};
  }

  /** What is learned of positions starts as in Swin whatever the kernels do, with the kernels' seed if there is one. */
  private narrow(position: number): Initializer {
    return tfl.initializers.truncatedNormal({stddev: 0.02, seed: this.kernelSeedAt(position)});
  }

  /** As PyTorch starts a 3x3 kernel of one channel, which the published networks keep: evenly up to 1 / sqrt(9). */
  private depthwise(position: number): Initializer {
    const most = 1 / 3;
    return tfl.initializers.randomUniform({minval: -most, maxval: most, seed: this.kernelSeedAt(position)});
  }

  private kernelSeedAt(position: number): number | undefined {
    const {seed} = this.fields.kernelInitializer.getConfig();
    return typeof seed === 'number' ? seed + position : undefined;
  }
}

function withSeedAt(initializer: Initializer, position: number): Initializer {
  const config = initializer.getConfig();
  if (typeof config.seed !== 'number') return initializer;
  const reseeded = {className: initializer.getClassName(), config: {...config, seed: config.seed + position}};
  const layer = conv2dWith({kernelInitializer: reseeded as never}) as unknown as Conv2DFields;
  return layer.kernelInitializer;
}
