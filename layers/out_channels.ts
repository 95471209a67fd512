/** The argument that says how many channels come out. */
import {positiveInteger, sameOr} from '../kernels/common/arguments.js';

/** The number given as `outChannels` or as `filters`, Conv2D's name for it; undefined where neither is. */
export function outChannelsOf(
  who: string,
  {outChannels, filters}: {outChannels?: number; filters?: number},
): number | undefined {
  const channels = sameOr(who, ['outChannels', outChannels], ['filters', filters]);
  return channels === undefined ? undefined : positiveInteger(who, 'outChannels', channels);
}
