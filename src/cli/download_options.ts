/** The options of commands that may download: where copies are kept, whether only they are read, and which hub is asked. */
import {defined} from '../../kernels/common/defined.js';
import {flag, option, type Values} from './options.js';
import {path} from './values.js';

export const DOWNLOADS = {
  cache: option(
    'FOLDER',
    path('a folder'),
    null,
    'where downloads are kept',
    "TFJS_SWINT_CACHE of the environment, else the system's folder of caches; of plain URLs nothing is kept",
  ),
  offline: flag('read kept downloads only, ask no server', 'HF_HUB_OFFLINE of the environment'),
  endpoint: option(
    'URL',
    path('the URL of a hub'),
    null,
    'a mirror of the hub',
    'HF_ENDPOINT of the environment, else the hub',
  ),
};

/** The same as options of the functions that download. */
export function downloadOptions({cache, offline, endpoint}: Values<typeof DOWNLOADS>) {
  return defined({
    ...{cache: cache ?? undefined, endpoint: endpoint ?? undefined, offline: offline || undefined},
  });
}
