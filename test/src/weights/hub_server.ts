/** A hub of models on this machine, which can be told to misbehave. */
import {createHash} from 'node:crypto';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';

export interface HubServer {
  address: string;
  /** Files by their path, '/owner/name/resolve/main/file'. */
  files: Map<string, Uint8Array>;
  /** 'GET path' or 'GET path bytes=5-', as they came. */
  asked: string[];
  /** Answers in place of the hub; what it leaves alone (false) the hub answers. */
  misbehave?: (request: IncomingMessage, response: ServerResponse, file: Uint8Array) => boolean;
  close(): void;
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Serves as the hub does: a redirect that names the file's hash, then the file from another path, by parts where asked. */
export async function startHub(): Promise<HubServer> {
  const files = new Map<string, Uint8Array>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    response.on('error', () => {});
    const {url = '/', headers} = request;
    asked.push(`GET ${url}${headers.range ? ` ${headers.range}` : ''}`);
    const path = url.replace(/^\/store/, '');
    const file = files.get(path);
    if (!file) {
      response.writeHead(404).end('Entry not found');
      return;
    }
    if (hub.misbehave?.(request, response, file)) return;
    if (path === url && !path.endsWith('.json')) {
      response.writeHead(302, {location: `/store${path}`, 'x-linked-etag': `"${sha256(file)}"`}).end();
      return;
    }
    sendFile(
      request,
      response,
      file,
      path.endsWith('.json') ? `"j${sha256(file).slice(0, 39)}"` : '"of the store"',
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: HubServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return hub;
}

/** The file, or the part of it that is asked for; `end` breaks off before that byte. */
export function sendFile(
  {headers}: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array,
  etag: string,
  end?: number,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  if (from > 0 && from >= file.length) {
    response.writeHead(416).end();
    return;
  }
  response.writeHead(from > 0 ? 206 : 200, {
    etag,
    'content-length': file.length - from,
    ...(from > 0 ? {'content-range': `bytes ${from}-${file.length - 1}/${file.length}`} : {}),
  });
  if (end === undefined) response.end(file.subarray(from));
  else
    response.write(file.subarray(from, Math.max(from, end)), () => setTimeout(() => response.destroy(), 20));
}
