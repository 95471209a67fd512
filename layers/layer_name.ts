/** A layer in messages: `SwinT(stage2)`. */
import type * as tfl from '@tensorflow/tfjs-layers';

export function layerName(layer: tfl.layers.Layer): string {
  return `${layer.getClassName()}(${layer.name})`;
}
