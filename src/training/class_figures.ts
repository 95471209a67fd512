/**
 * Figures of each class from a matrix of counts n[true class][predicted class]:
 *
 *     recall_k = n_kk / sum_j n_kj      precision_k = n_kk / sum_i n_ik      F1_k = 2 n_kk / (sum_j n_kj + sum_i n_ik)
 */

export interface ClassFigures {
  name: string;
  /** Images of the class. */
  images: number;
  /** Share of the class's images that are found; null without images. */
  recall: number | null;
  /** Share of the images taken for the class that are of it; null where none is. */
  precision: number | null;
  /** Harmonic mean of both; null where the class is neither there nor predicted. */
  f1: number | null;
}

/** @param confusion Images by [true class][predicted class]. */
export function classFigures(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
): ClassFigures[] {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const ratio = (above: number, below: number) => (below === 0 ? null : above / below);
  return classNames.map((name, k) => {
    const hits = confusion[k]![k]!;
    const images = sum(confusion[k]!);
    const taken = sum(confusion.map((row) => row[k]!));
    return {
      ...{name, images},
      recall: ratio(hits, images),
      precision: ratio(hits, taken),
      f1: ratio(2 * hits, images + taken),
    };
  });
}
