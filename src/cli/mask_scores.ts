/** The figures of a segmentation network as lines of text. */
import {textTable} from '../../kernels/common/text_table.js';
import type {SegmentationEvaluation} from '../training/evaluate_segmentation.js';

export function printScores(
  {pixelAccuracy, meanIou, meanDice, iou, dice, rand, confusion}: SegmentationEvaluation,
  classNames: readonly string[],
  line: (text?: string) => void,
): void {
  line(`mean IoU ${meanIou.toFixed(4)}, pixel accuracy ${(100 * pixelAccuracy).toFixed(2)}%`);
  if (rand !== null) {
    const {score, split, merge} = rand;
    line(
      `Rand     ${score.toFixed(4)} (split ${split.toFixed(4)}, merge ${merge.toFixed(4)}), foreground-restricted`,
    );
  }
  line();
  const figure = (value: number | null) => (value === null ? '-' : value.toFixed(4));
  const pixels = confusion.flat().reduce((sum, value) => sum + value, 0);
  const rows = classNames.map((name, k) => {
    const share = confusion[k]!.reduce((sum, value) => sum + value, 0) / pixels;
    return [name, figure(iou[k]!), figure(dice[k]!), `${(100 * share).toFixed(1)}%`];
  });
  const head = ['', 'IoU', 'Dice', 'of the pixels'];
  const mean = ['mean', meanIou.toFixed(4), meanDice.toFixed(4), ''];
  for (const row of textTable([head, ...rows, mean], (column) => column > 0)) line(row);
}
