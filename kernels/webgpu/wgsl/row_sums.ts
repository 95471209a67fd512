/**
 * WGSL: the sum over the invocations of a row, LANES of them side by side, a power of two, in a fixed order.
 *
 *   core        halves are added in workgroup memory, a barrier after each
 *   subgroups   invocations of a subgroup add up by shuffles, and only their sums pass through workgroup memory: two
 *               barriers, whatever the number of invocations
 *
 * Subgroups are rows of invocations too: every driver numbers the invocations of a one-dimensional workgroup in order. How
 * long they are is known on the device only.
 */

/**
 * The function `total(value, lane)`.
 *
 * @param lanes invocations of a row.
 * @param type f32 or vec2f.
 * @param size invocations of a workgroup.
 * @param subgroups whether the shader may use them.
 */
export function rowTotal(lanes: number, type: string, size: number, subgroups: boolean): string {
  return `
var<workgroup> sums: array<${type}, ${size}>;
fn total(value: ${type}, lane: u32) -> ${type} {${subgroups ? sumByShuffles(lanes, type) : sumByHalves(lanes)}
}`;
}

const sumByHalves = (lanes: number) => `
  sums[lane] = value;
  workgroupBarrier();
  for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
    if (lane % ${lanes}u < step) { sums[lane] += sums[lane + step]; }
    workgroupBarrier();
  }
  let sum = sums[lane - lane % ${lanes}u];
  workgroupBarrier();
  return sum;`;

function sumByShuffles(lanes: number, type: string): string {
  const steps = Array.from({length: Math.log2(lanes)}, (_, i) => 2 ** i);
  // Every invocation takes part in every shuffle; what goes beyond a subgroup or a row does not count.
  const shuffled = steps.map(
    (step) =>
      `let other${step} = subgroupShuffleXor(sum, ${step}u);
  sum += select(${type}(), other${step}, ${step}u < together);`,
  );
  return `
  let together = min(${lanes}u, subgroupLength);
  var sum = value;
  ${shuffled.join('\n  ')}
  sums[lane] = sum;
  workgroupBarrier();
  var all = ${type}();
  for (var i = lane - lane % ${lanes}u; i < lane - lane % ${lanes}u + ${lanes}u; i += together) { all += sums[i]; }
  workgroupBarrier();
  return all;`;
}
