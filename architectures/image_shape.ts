/** The shape of a network's images, as it is given. */
import {COUNT, checkNumber} from '../kernels/common/arguments.js';
import {type DataFormat, mapShape} from '../kernels/common/data_format.js';
import {showShape} from '../kernels/common/shapes.js';
import {showValue} from '../kernels/common/show_value.js';
import {formatOfPicture} from '../layers/data_format_warning.js';
import {ConfigError} from '../layers/index.js';

/**
 * Throws ConfigError unless a shape without the batch is one of images in this format: three sizes, of which height and
 * width may be null, and no picture in the other format, [32, 32, 3] for [3, 32, 32].
 */
export function checkImageShape(who: string, inputShape: unknown, dataFormat: DataFormat): void {
  const form = showShape(mapShape(dataFormat, 'C', 'H', 'W'));
  if (!Array.isArray(inputShape) || inputShape.length !== 3) {
    throw new ConfigError(
      `${who}: inputShape must be ${form}, the shape of one image; got ${showValue(inputShape)} (without the batch).`,
    );
  }
  const channels = dataFormat === 'channelsFirst' ? 0 : 2;
  for (const [axis, size] of inputShape.entries()) {
    if (size !== null || axis === channels) checkNumber(who, `inputShape[${axis}]`, size, COUNT);
  }
  const format = formatOfPicture(inputShape);
  if (format === undefined || format === dataFormat) return;
  const [a, b, c] = inputShape;
  const turned = dataFormat === 'channelsFirst' ? [c, a, b] : [b, c, a];
  throw new ConfigError(
    `${who}: inputShape must be ${form}, as dataFormat '${dataFormat}' has it; got ${showShape(inputShape)} ` +
      `(give ${showShape(turned)}, or dataFormat: '${format}').`,
  );
}
