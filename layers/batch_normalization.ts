/**
 * Batch normalization over any axis, in training too: tfjs's own fails there on rank 4 with axis 1.
 *
 *   training    y = (x - mean(x)) / sqrt(var(x) + epsilon) * gamma + beta
 *               moving = momentum * moving + (1 - momentum) * statistics of the batch
 *   inference   y = (x - movingMean) / sqrt(movingVariance + epsilon) * gamma + beta
 *
 * Arguments, defaults and weight names are those of tfjs's and Keras's BatchNormalization.
 *
 * Source: Ioffe & Szegedy 2015, "Batch Normalization".
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {checkNumber, flag, oneOf, positive, SHARE, WHOLE} from '../kernels/common/arguments.js';
import type {DataFormat} from '../kernels/common/data_format.js';
import {ShapeError} from '../kernels/common/errors.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {batchNorm, batchStatistics, sgdUpdate} from '../kernels/index.js';
import {warnOfDataFormat} from './data_format_warning.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {checkInput, singleInput, singleShape} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';

export interface BatchNormalizationArgs extends LayerArgs {
  /** Axis of the channels: 1 for channelsFirst, -1 for channelsLast. Default -1. */
  axis?: number;
  /** How much of the moving statistics each step keeps, 0 <= momentum <= 1. Default 0.99. */
  momentum?: number;
  /** Added to the variance. Default 1e-3. */
  epsilon?: number;
  /** Whether there is an offset beta. Default true. */
  center?: boolean;
  /** Whether there is a gain gamma. Default true. */
  scale?: boolean;
  /** How gamma starts: 'ones' (default) or 'zeros', which starts a residual branch as nothing. */
  gammaInitializer?: 'ones' | 'zeros';
}

const ARGUMENTS = {
  ...LAYER_ARGUMENTS,
  ...{axis: true, momentum: true, epsilon: true, center: true, scale: true, gammaInitializer: true},
} as const satisfies ArgumentNames<BatchNormalizationArgs>;

const HINTS = {
  dataFormat: 'axis 1 is that of channelsFirst, -1 that of channelsLast',
  betaInitializer: 'beta starts at 0',
  movingMeanInitializer: 'the moving mean starts at 0',
  movingVarianceInitializer: 'the moving variance starts at 1',
};

export class BatchNormalization extends tfl.layers.Layer {
  static readonly className = 'SwinBatchNormalization';
  private readonly axis: number;
  private readonly momentum: number;
  private readonly epsilon: number;
  private readonly center: boolean;
  private readonly scale: boolean;
  private readonly gammaInitializer: 'ones' | 'zeros';
  private gamma?: tfl.LayerVariable;
  private beta?: tfl.LayerVariable;
  private movingMean!: tfl.LayerVariable;
  private movingVariance!: tfl.LayerVariable;

  constructor(args: BatchNormalizationArgs = {}) {
    super(args ?? {});
    const who = layerName(this);
    checkArguments(who, args, ARGUMENTS, HINTS);
    this.axis = checkNumber(who, 'axis', args.axis ?? -1, WHOLE);
    this.momentum = checkNumber(who, 'momentum', args.momentum ?? 0.99, SHARE);
    this.epsilon = positive(who, 'epsilon', args.epsilon ?? 1e-3);
    this.center = flag(who, 'center', args.center, true);
    this.scale = flag(who, 'scale', args.scale, true);
    this.gammaInitializer = oneOf(who, 'gammaInitializer', args.gammaInitializer ?? 'ones', [
      'ones',
      'zeros',
    ]);
    this.supportsMasking = true;
  }

  /** The axis counted from 0 for an input of this rank. */
  private axisOf(shape: tfl.Shape): number {
    const axis = this.axis < 0 ? this.axis + shape.length : this.axis;
    if (shape.length < 2 || axis < 1 || axis >= shape.length) {
      throw new ShapeError(
        `${layerName(this)}: axis must be one after the batch; got axis ${this.axis} and the shape ${showShape(shape)}.`,
      );
    }
    return axis;
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInput(layerName(this), inputs);
    const format = (
      {1: 'channelsFirst', 3: 'channelsLast', [-1]: 'channelsLast', [-3]: 'channelsFirst'} as const
    )[this.axis];
    const fix = (found: DataFormat) => `give axis: ${found === 'channelsFirst' ? 1 : -1}`;
    if (format !== undefined) warnOfDataFormat(this, inputs, format, fix);
    return super.apply(inputs, kwargs);
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = singleShape(inputShape);
    const axis = this.axisOf(shape);
    const channels = shape[axis];
    if (channels === null || channels === undefined) {
      throw new ShapeError(
        `${layerName(this)}: the size of axis ${this.axis} must be known; got ${showShape(shape)}.`,
      );
    }
    const {ones, zeros} = tfl.initializers;
    const gamma = this.gammaInitializer === 'ones' ? ones() : zeros();
    if (this.scale) this.gamma = this.addWeight('gamma', [channels], 'float32', gamma);
    if (this.center) this.beta = this.addWeight('beta', [channels], 'float32', zeros());
    this.movingMean = this.addWeight('moving_mean', [channels], 'float32', zeros(), undefined, false);
    this.movingVariance = this.addWeight('moving_variance', [channels], 'float32', ones(), undefined, false);
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return singleShape(inputShape);
  }

  /**
   * moving + (1 - momentum) (statistic - moving), which is how gradient descent would move it. One dispatch on a GPU,
   * where tfjs's operations take six.
   */
  private move(mean: tf.Tensor1D, variance: tf.Tensor1D): void {
    const statistics = [
      {variable: this.movingMean, statistic: mean},
      {variable: this.movingVariance, statistic: variance},
    ];
    const moved = sgdUpdate(
      statistics.map(({variable, statistic}) => ({value: variable.read(), gradient: statistic})),
      {learningRate: this.momentum - 1, momentum: 0, nesterov: false, weightDecay: [-1, -1]},
    );
    for (const [i, {variable}] of statistics.entries()) variable.write(moved[i][0]);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: {training?: boolean} = {}): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs);
      const axis = this.axisOf(x.shape);
      const training = kwargs.training === true;
      const moving = () => ({mean: this.movingMean.read(), variance: this.movingVariance.read()});
      const {mean, variance} = training ? batchStatistics(x, axis) : moving();
      if (training) this.move(mean as tf.Tensor1D, variance as tf.Tensor1D);
      return batchNorm(
        {
          x,
          mean: mean as tf.Tensor1D,
          variance: variance as tf.Tensor1D,
          ...(this.gamma ? {gamma: this.gamma.read() as tf.Tensor1D} : {}),
          ...(this.beta ? {beta: this.beta.read() as tf.Tensor1D} : {}),
        },
        {axis, epsilon: this.epsilon, statistics: training ? 'batch' : 'moving'},
      );
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {axis, momentum, epsilon, center, scale, gammaInitializer} = this;
    return {...super.getConfig(), axis, momentum, epsilon, center, scale, gammaInitializer};
  }
}
tf.serialization.registerClass(BatchNormalization);

/**
 * Batch normalization that trains over any axis; the shape is kept.
 *
 * @param args axis (default -1), momentum 0.99, epsilon 1e-3, center true, scale true, gammaInitializer 'ones'.
 * @throws ConfigError for arguments that can never work; ShapeError for an input without that axis.
 */
export function batchNormalization(args: BatchNormalizationArgs = {}): BatchNormalization {
  return new BatchNormalization(args);
}
