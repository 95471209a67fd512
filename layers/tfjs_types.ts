/** Types of tfjs-layers under the names that they have here; most of them tfjs does not export. */
import type * as tfl from '@tensorflow/tfjs-layers';

/** A tensor of a model that is being built: a shape without values. */
export type Symbolic = tfl.SymbolicTensor;

/** What every layer takes. */
export type LayerArgs = NonNullable<ConstructorParameters<typeof tfl.layers.Layer>[0]>;

/** What Layer.apply takes and returns. */
export type ApplyInput = Parameters<tfl.layers.Layer['apply']>[0];
export type ApplyOutput = ReturnType<tfl.layers.Layer['apply']>;

/** What Layer.addWeight takes. */
export type Initializer = ReturnType<typeof tfl.initializers.zeros>;
export type Regularizer = ReturnType<typeof tfl.regularizers.l2>;
export type Constraint = ReturnType<typeof tfl.constraints.nonNeg>;
