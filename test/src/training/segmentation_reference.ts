/** Dice and cross-entropy in plain float64, from the formulas, for tests. */

export interface ReferenceArgs {
  classes: number;
  diceWeight: number;
  smooth: number;
  ignoreIndex?: number;
  classWeights?: readonly number[];
}

/** @param logits [P, K]. @param labels [P]. */
export function referenceLoss(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  {classes, diceWeight, smooth, ignoreIndex, classWeights = new Array(classes).fill(1)}: ReferenceArgs,
): number {
  const overlap = new Float64Array(classes);
  const squares = new Float64Array(classes);
  const truth = new Float64Array(classes);
  let crossEntropy = 0;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === ignoreIndex) continue;
    const row = Array.from({length: classes}, (_, k) => logits[i * classes + k]!);
    const highest = Math.max(...row);
    const sum = row.reduce((all, z) => all + Math.exp(z - highest), 0);
    const weight = classWeights[labels[i]!]!;
    crossEntropy += weight * (Math.log(sum) + highest - row[labels[i]!]!);
    total += weight;
    for (let k = 0; k < classes; k++) {
      const p = Math.exp(row[k]! - highest) / sum;
      const y = labels[i] === k ? 1 : 0;
      overlap[k]! += p * y;
      squares[k]! += p * p;
      truth[k]! += y;
    }
  }
  let dice = 0;
  for (let k = 0; k < classes; k++) {
    const fraction = (2 * overlap[k]! + smooth) / (squares[k]! + truth[k]! + smooth);
    dice += (classWeights[k]! * (1 - fraction)) / classWeights.reduce((a, b) => a + b, 0);
  }
  return diceWeight * dice + (1 - diceWeight) * (total === 0 ? 0 : crossEntropy / total);
}
