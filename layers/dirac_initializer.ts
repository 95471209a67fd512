/**
 * Dirac initialisation: a convolution that starts as the identity on its first channels.
 *
 *     kernel [..., I, O]     kernel[centre, c, c] = 1, every other value of output channel c is 0,     c < min(I, O)
 *     the output channels from I on, for which no input channel is left: uniform up to +-1 / sqrt(I cells)
 *
 * The centre of an axis of k cells is cell floor((k - 1) / 2), where padding 'same' puts the pixel itself, for even k too.
 * A Dense kernel [I, O] is the identity matrix. Not for depthwise convolutions, whose kernel [h, w, C, 1] has another
 * meaning.
 *
 * Source: Zagoruyko & Komodakis 2017, "DiracNets"; the other channels start as PyTorch starts convolutions, which is the
 * combination of Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.3.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {optionalSeed} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
import {ConfigError} from '../kernels/common/errors.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import type {Initializer} from './tfjs_types.js';

export interface DiracInitializerArgs {
  /** Makes the channels beyond the identity repeatable. Default: none. */
  seed?: number;
}

const WHO = 'DiracInitializer';
const ARGUMENTS = {seed: true} as const satisfies ArgumentNames<DiracInitializerArgs>;

/** The base class of initializers, which tfjs does not export; a layer takes an instance of nothing else. */
const InitializerBase = Object.getPrototypeOf(
  tfl.initializers.zeros().constructor,
) as abstract new () => Initializer;

export class DiracInitializer extends InitializerBase {
  static readonly className = 'SwinDirac';
  private readonly seed?: number;

  constructor(args: DiracInitializerArgs = {}) {
    super();
    checkArguments(WHO, args ?? {}, ARGUMENTS);
    this.seed = optionalSeed(WHO, args?.seed);
  }

  /** @throws ConfigError for a shape that is no [..., I, O]. */
  override apply(shape: tfl.Shape, dtype: tf.DataType = 'float32'): tf.Tensor {
    if (shape.length < 2) {
      throw new ConfigError(
        `${WHO}: a weight must be the kernel of a convolution or a dense layer, [..., I, O]; got ${showShape(shape)}.`,
      );
    }
    const [inputs, outputs] = shape.slice(-2) as [number, number];
    return tf.tidy(() => {
      const identity = identityKernel(
        shape.slice(0, -2) as number[],
        inputs,
        Math.min(inputs, outputs),
        dtype,
      );
      if (outputs <= inputs) return identity;
      const rest = tfl.initializers
        .varianceScaling({scale: 1 / 3, mode: 'fanIn', distribution: 'uniform', seed: this.seed as number})
        .apply([...shape.slice(0, -1), outputs - inputs], dtype);
      return tf.concat([identity, rest], -1);
    });
  }

  /** tfjs adds customObjects to the saved arguments. */
  static fromConfig<T extends tf.serialization.Serializable>(
    of: tf.serialization.SerializableConstructor<T>,
    {customObjects, ...args}: tf.serialization.ConfigDict,
  ): T {
    return new of(args);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return defined({seed: this.seed});
  }
}
tf.serialization.registerClass(DiracInitializer);

/** [...cells, inputs, outputs]: 1 from each input channel to the output channel of its number, at the centre. */
function identityKernel(cells: number[], inputs: number, outputs: number, dtype: tf.DataType): tf.Tensor {
  const shape = [...cells, inputs, outputs];
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const centre = cells.reduce((index, size) => index * size + Math.floor((size - 1) / 2), 0);
  for (let c = 0; c < outputs; c++) values[(centre * inputs + c) * outputs + c] = 1;
  return tf.tensor(values, shape, dtype);
}

/**
 * Starts a convolution as the identity on its first channels; see DiracInitializer.
 *
 *     tf.layers.conv2d({filters: 128, kernelSize: 3, padding: 'same', kernelInitializer: diracInitializer({seed: 1})})
 *
 * @throws ConfigError for a seed that is no whole number.
 */
export function diracInitializer(args?: DiracInitializerArgs): DiracInitializer {
  return new DiracInitializer(args);
}
