/** Where the channels of a map are: [B, C, H, W] or [B, H, W, C]. */
import {type CheckOptions, oneOf} from './arguments.js';

/** 'channelsFirst' is [B, C, H, W], 'channelsLast' is [B, H, W, C]. */
export type DataFormat = 'channelsFirst' | 'channelsLast';

/** Channels, height and width in the order of the format; `mapShape(format, 'C', 'H', 'W')` for messages. */
export function mapShape<T>(dataFormat: DataFormat, channels: T, height: T, width: T): [T, T, T] {
  return dataFormat === 'channelsFirst' ? [channels, height, width] : [height, width, channels];
}

/** One of the two. */
export function checkDataFormat(who: string, value: unknown, options?: CheckOptions): DataFormat {
  return oneOf(who, 'dataFormat', value, ['channelsFirst', 'channelsLast'], options);
}
