/** Random biases and activations after products and convolutions. */
import {type Draw, type TypedArray, tensorOf} from '../draw.js';
import {ACTIVATIONS, type Activation} from '../references/epilogue.js';

export interface DrawnEpilogue {
  bias?: TypedArray;
  alpha?: TypedArray;
  activation: Activation;
  leakyreluAlpha: number;
}

/** A shape that broadcasts to that of the result: mostly one number per channel. */
function broadcasting(draw: Draw, result: readonly number[], ranks: readonly number[]): number[] {
  const channels = result[result.length - 1];
  if (draw.chance(0.5)) return [channels];
  const rank = draw.pick(ranks);
  return result.slice(result.length - rank).map((size) => (draw.chance(0.4) ? 1 : size));
}

/** @param ranks those that tfjs takes for the bias and the slopes of prelu. */
export function drawEpilogue(draw: Draw, result: readonly number[], ranks: readonly number[]): DrawnEpilogue {
  const activation = draw.pick(ACTIVATIONS);
  return {
    bias: draw.chance(0.6) ? draw.array(broadcasting(draw, result, ranks)) : undefined,
    alpha: activation === 'prelu' ? draw.array(broadcasting(draw, result, ranks)) : undefined,
    activation,
    leakyreluAlpha: draw.pick([0.2, 0.01, 0.7]),
  };
}

/** As tf.fused takes it. */
export function epilogueArguments({bias, alpha, activation, leakyreluAlpha}: DrawnEpilogue) {
  return {
    bias: bias && tensorOf(bias),
    preluActivationWeights: alpha && tensorOf(alpha),
    activation,
    leakyreluAlpha,
  };
}

export const epilogueText = ({bias, alpha, activation}: DrawnEpilogue) =>
  `${bias ? `bias [${bias.shape}] ` : ''}${activation}${alpha ? ` [${alpha.shape}]` : ''}`;
