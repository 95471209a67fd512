/**
 * Names of files on a hub of models:
 *
 *     hf:owner/name                       the weights of a repository, at its revision main
 *     hf:owner/name/folder/file           one of its files
 *     hf:owner/name@revision              of a branch, a tag or a commit; a / in it is written %2F
 *     hf:owner/name@revision/file
 *
 *     URL  ENDPOINT/owner/name/resolve/revision/file
 */
import {showValue} from '../../kernels/common/show_value.js';
import {CheckpointError, ConfigError} from '../errors.js';

/** Where the hub is, unless the option `endpoint` names a mirror. */
const HUB = 'https://huggingface.co';

export interface HubAddress {
  /** As it was given. */
  text: string;
  repository: string;
  revision: string;
  /** Path of the file in the repository; none for its weights. */
  file?: string;
}

export const isHubAddress = (source: unknown): source is string =>
  typeof source === 'string' && /^hf:/i.test(source);

const NAME = '[A-Za-z0-9][\\w.-]*';
const ADDRESS = new RegExp(`^hf:(?://)?(${NAME}/${NAME})(?:@([^/@]+))?(?:/(.+))?$`, 'i');

/** @throws CheckpointError for what is no such name. */
export function parseHubAddress(text: string): HubAddress {
  const [, repository, given, file] = ADDRESS.exec(text) ?? [];
  const revision = given === undefined ? 'main' : decoded(given);
  const segments = [...(revision ?? '').split('/'), ...(file ?? 'x').split('/')];
  const isPlain = segments.every((segment) => /^[^\\?#%\p{Cc}]+$/u.test(segment) && !/^\.+$/.test(segment));
  if (repository === undefined || !isPlain || /\.\./.test(repository)) {
    throw new CheckpointError(
      `${text.slice(0, 200)}: a file on a hub must be named hf:owner/name, hf:owner/name@revision or ` +
        'hf:owner/name@revision/file; got another form (for example hf:microsoft/swin-tiny-patch4-window7-224).',
    );
  }
  return {text, repository, revision: revision!, ...(file === undefined ? {} : {file})};
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Whether the revision is a commit, whose files never change. */
export const isCommit = ({revision}: HubAddress): boolean => /^[0-9a-f]{40}$/.test(revision);

/**
 * The URL of a file.
 *
 * @param endpoint The hub or a mirror of it; default the hub.
 */
export function hubUrl({repository, revision}: HubAddress, file: string, endpoint: URL): URL {
  const url = new URL(endpoint);
  const path = file.split('/').map(encodeURIComponent).join('/');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`;
  return url;
}

/** @throws ConfigError, in the name of `who`, for what is no address of a server. */
export function endpointOf(who: string, endpoint: string | URL = HUB): URL {
  const url = URL.canParse(String(endpoint)) ? new URL(endpoint) : undefined;
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash;
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError(
      `${who}: endpoint must be the URL of a hub without a name, password or query; got ${showValue(endpoint)} (for example '${HUB}').`,
    );
  }
  return url;
}
