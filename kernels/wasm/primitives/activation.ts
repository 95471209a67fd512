/** The activations that are part of a product, by tfjs-core's names, as the kernels number them (assembly/activation). */
export const ACTIVATION_NUMBERS: Readonly<Record<string, number>> = {linear: 0, relu: 1, relu6: 2};
