/** The names of the arguments that all layers take, and what to do instead of those of a Conv2D that ours have not. */
import type {ArgumentHints, ArgumentNames} from '../kernels/common/known_arguments.js';
import type {LayerArgs} from './tfjs_types.js';

const OF_TFJS = {
  ...{inputShape: true, batchInputShape: true, batchSize: true, dtype: true, inputDType: true},
  ...{name: true, trainable: true, weights: true},
} as const satisfies ArgumentNames<LayerArgs>;

/**
 * What every layer takes. `updatable` stands in files that older versions of tfjs wrote, and `customObjects` tfjs adds to a
 * configuration that it loads.
 */
export const LAYER_ARGUMENTS = {...OF_TFJS, updatable: true, customObjects: true} as const;

/** For the layers with windows, which often take the place of a Conv2D. */
export const CONV2D_HINTS: ArgumentHints = {
  kernelSize: 'windows take the place of a kernel: give windowSize',
  activation: 'put tf.layers.activation behind the layer',
  useBias: 'qkvBias is the bias of queries, keys and values',
  dilationRate: 'windows have no gaps: leave it out',
  groups: 'numHeads divides the channels',
};
