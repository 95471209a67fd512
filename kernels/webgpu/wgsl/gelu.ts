/**
 * WGSL functions of four numbers at once: exact GELU and its derivative.
 *
 *   gelu(z) = z/2 (1 + erf(z / sqrt 2)),   gelu'(z) = Phi(z) + z phi(z)
 *
 * erf(x) is x P(x^2) / Q(x^2) on |x| <= 3.76 and +-1 from there on; the coefficients are those of the wasm kernels
 * (wasm/assembly/arithmetic/transcendental.ts), absolute error 3e-7. NaN passes through.
 */
export const GELU = `
fn erfOfRoot(z: vec4f) -> vec4f {
  let x = z * 0.7071067811865476;
  let t = select(clamp(x, vec4f(-3.76), vec4f(3.76)), x, x != x);
  let s = t * t;
  var p = vec4f(2.175455726671771e-8);
  p = p * s - 0.0000020335633053036872;
  p = p * s + 0.0001381833280902356;
  p = p * s + 0.0033937026746571064;
  p = p * s + 0.04951665177941322;
  p = p * s + 0.1916590929031372;
  p = p * s + 1.128378987312317;
  var q = vec4f(0.0008935103542171419);
  q = q * s + 0.013686023652553558;
  q = q * s + 0.11162219941616058;
  q = q * s + 0.503183901309967;
  q = q * s + 1.0;
  return t * p / q;
}

fn gelu(z: vec4f) -> vec4f {
  let h = 0.5 * z;
  return h + h * erfOfRoot(z);
}

fn geluDerivative(z: vec4f) -> vec4f {
  return 0.5 + 0.5 * erfOfRoot(z) + z * (0.3989422804014327 * exp(-0.5 * z * z));
}
`;
