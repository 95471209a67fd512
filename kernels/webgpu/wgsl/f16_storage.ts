/**
 * Maps in memory as 16-bit floats: half the bytes; sums and everything in registers stay float32.
 *
 *   four numbers lie in a vec2u, as pack2x16float makes them: 1 sign, 5 exponent and 10 fraction bits, |v| <= 65504
 *
 * Every device has these two functions; no feature is needed.
 *
 * Stored as f16: the maps between the products of a block, and the tensors that a block saves for its gradient. Maps between
 * blocks stay float32, and so do gradients: many are below the smallest 16-bit float.
 *
 * Source: Micikevicius et al. 2018, "Mixed Precision Training".
 */
/** WGSL: four numbers to and from memory. */
export const HALF = `
fn fromHalf(v: vec2u) -> vec4f { return vec4f(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn toHalf(v: vec4f) -> vec2u { return vec2u(pack2x16float(v.xy), pack2x16float(v.zw)); }`;

/** WGSL expression: vector \`at\` of the buffer \`name\`. */
export const vectorAt = (name: string, at: string, half: boolean | undefined) =>
  half ? `fromHalf(${name}[${at}])` : `${name}[${at}]`;

/** WGSL expression: what is stored of the vector \`value\`. */
export const packed = (value: string, half: boolean | undefined) => (half ? `toHalf(${value})` : value);
