/** A prediction beside the truth: the image, its true mask over it, and what the prediction got right and wrong. */

import type {RgbImage} from '../data/rgb_image.js';
import type {LabelledImage} from '../data/segmentation_dataset.js';
import {classColor, ERROR_COLORS, overlayErrors, overlayMask, type Rgb, sideBySide} from './overlay.js';

/** What the pictures show, in words. */
export const COMPARISON_CAPTION = 'Each image, its true mask, and the prediction compared with it.';

/** @param background Class that is left uncoloured. */
export function comparison(
  image: LabelledImage,
  predicted: ArrayLike<number>,
  {background, ignoreIndex}: {background: number; ignoreIndex?: number},
): RgbImage {
  return sideBySide([
    image,
    overlayMask(image, image.mask, {background}),
    overlayErrors(image, image.mask, predicted, {background, ignoreIndex}),
  ]);
}

/** What the colours mean. */
export function comparisonLegend(
  classNames: readonly string[],
  background: number,
): {color: Rgb; text: string}[] {
  const classes = classNames.flatMap((text, k) => {
    const color = classColor(k, background);
    return color === null ? [] : [{color, text}];
  });
  return [
    ...classes,
    {color: ERROR_COLORS.hit, text: 'right'},
    {color: ERROR_COLORS.falseAlarm, text: 'predicted, not there'},
    {color: ERROR_COLORS.miss, text: 'there, not predicted'},
    ...(classNames.length > 2 ? [{color: ERROR_COLORS.confusion, text: 'taken for another class'}] : []),
  ];
}
