/** Downloads from servers that break off, lie and hang, with the copies that are kept of them. */
import {randomBytes} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect} from 'chai';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {folderStore} from '../../../src/node/hub_cache.js';
import {type DownloadSettings, download} from '../../../src/weights/download.js';
import {browserStore, type DownloadStore} from '../../../src/weights/download_store.js';
import {rejection} from '../node/small_model.js';
import {type HubServer, sendFile, sha256, startHub} from './hub_server.js';

/** The Cache API, in memory. */
class MemoryCache {
  private readonly entries = new Map<string, Response>();
  async match(url: string) {
    return this.entries.get(url)?.clone();
  }
  async put(url: string, response: Response) {
    this.entries.set(url, response.clone());
  }
  async delete(url: string) {
    return this.entries.delete(url);
  }
  get size() {
    return this.entries.size;
  }
}

const PATH = '/owner/name/resolve/main/model.safetensors';
const file = new Uint8Array(randomBytes(300_000));

for (const kind of ['folder', 'Cache API'] as const) {
  describe(`downloads kept in a ${kind}`, () => {
    let hub: HubServer;
    let folder: string;
    let store: DownloadStore;
    let cache: MemoryCache;
    const scope = globalThis as {caches?: unknown};
    const {caches} = scope;
    before(async () => {
      hub = await startHub();
    });
    after(() => hub.close());
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'swint-hub-'));
      cache = new MemoryCache();
      scope.caches = {open: async () => cache};
      store = kind === 'folder' ? folderStore(join(folder, 'cache')) : (await browserStore('test', true))!;
      hub.files.set(PATH, file);
      hub.asked.length = 0;
      hub.misbehave = undefined;
    });
    afterEach(async () => {
      scope.caches = caches;
      await rm(folder, {recursive: true, force: true});
    });

    const get = (settings: DownloadSettings = {}) =>
      download(new URL(hub.address + PATH), {store, ...settings});
    const entries = async () =>
      kind === 'folder' ? (await readdir(join(folder, 'cache'))).length : cache.size;

    it('are fetched once, checked by the hash of the redirect, and asked for again', async () => {
      const first = await get();
      expect(Buffer.compare(first.bytes, file)).to.equal(0);
      expect([first.from, first.checked]).to.deep.equal(['server', 'sha256']);
      const second = await get();
      expect(Buffer.compare(second.bytes, file)).to.equal(0);
      expect([second.from, second.checked]).to.deep.equal(['cache', 'sha256']);
      hub.asked.length = 0;
      expect((await get({unchanging: true})).from).to.equal('cache');
      expect((await get({offline: true})).from).to.equal('cache');
      expect(hub.asked).to.deep.equal([]);
      const other = new Uint8Array(randomBytes(1000));
      hub.files.set(PATH, other);
      expect((await get()).bytes).to.deep.equal(other);
      expect((await get({offline: true})).bytes).to.deep.equal(other);
    });

    it('go on where they broke off, within a call', async () => {
      let breaks = 3;
      hub.misbehave = (request, response, bytes) => {
        if (!request.url!.startsWith('/store') || breaks === 0) return false;
        breaks--;
        sendFile(request, response, bytes, '"x"', 60_000 * (3 - breaks));
        return true;
      };
      const progress: number[] = [];
      const {bytes, checked} = await get({onProgress: ({loaded}) => progress.push(loaded)});
      expect(Buffer.compare(bytes, file)).to.equal(0);
      expect(checked).to.equal('sha256');
      expect(progress).to.deep.equal([...progress].sort((a, b) => a - b));
      expect(hub.asked.filter((line) => line.startsWith('GET /store')).slice(1)).to.deep.equal(
        [60_000, 120_000, 180_000].map((from) => `GET /store${PATH} bytes=${from}-`),
      );
    });

    it('go on where they broke off, at the next call', async () => {
      const broken = (request: Parameters<NonNullable<HubServer['misbehave']>>[0]) =>
        request.url!.startsWith('/store');
      hub.misbehave = (request, response, bytes) => {
        if (!broken(request)) return false;
        sendFile(request, response, bytes, '"x"', 100_000);
        return true;
      };
      const error = await rejection(get());
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(/must be one that can be fetched; got /);
      hub.misbehave = undefined;
      hub.asked.length = 0;
      expect(Buffer.compare((await get()).bytes, file)).to.equal(0);
      expect(hub.asked).to.include(`GET /store${PATH} bytes=100000-`);
      expect(await entries()).to.equal(kind === 'folder' ? 2 : 1);
    });

    it('begin anew where the file has changed meanwhile, or the server sends no parts', async () => {
      for (const change of [true, false]) {
        hub.files.set(PATH, file);
        await store.keepPart(hub.address + PATH, {bytes: file.subarray(0, 7000), etag: sha256(file)}, 0);
        if (change) hub.files.set(PATH, file.slice().reverse());
        hub.misbehave = (request, response, bytes) => {
          if (change || !request.url!.startsWith('/store')) return false;
          response.end(bytes);
          return true;
        };
        const {bytes} = await get();
        expect(sha256(bytes)).to.equal(sha256(hub.files.get(PATH)!));
        await store.keep(hub.address + PATH, {bytes: new Uint8Array(1)});
      }
    });

    it('begin anew where what is kept is damaged', async () => {
      const damaged = file.slice(0, 9000);
      damaged[5]++;
      await store.keepPart(hub.address + PATH, {bytes: damaged.subarray(0, 4000), etag: sha256(file)}, 0);
      await store.keepPart(hub.address + PATH, {bytes: damaged.subarray(4000), etag: sha256(file)}, 4000);
      expect((await store.findPart(hub.address + PATH))!.bytes.length).to.equal(9000);
      expect(sha256((await get()).bytes)).to.equal(sha256(file));
      await store.keep(hub.address + PATH, {bytes: damaged, etag: sha256(file)});
      expect((await rejection(get({offline: true}))).message).to.match(
        /offline, the file must be in the cache/,
      );
      expect((await get()).from).to.equal('server');
    });

    it('are refused where they are not what the server says, and nothing is kept', async () => {
      hub.misbehave = (request, response, bytes) => {
        if (!request.url!.startsWith('/store')) return false;
        sendFile(request, response, bytes.slice().reverse(), '"x"');
        return true;
      };
      const error = await rejection(get());
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.include(`must have the SHA-256 that the server says, ${sha256(file)}; got `);
      expect(await store.find(hub.address + PATH)).to.equal(undefined);
      expect(await store.findPart(hub.address + PATH)).to.equal(undefined);
    });

    it('name the copy that is here when the server is not', async () => {
      await get();
      hub.misbehave = (_, response) => {
        response.writeHead(503).end();
        return true;
      };
      const error = await rejection(get());
      expect(error.message).to.match(/got status 503 \(offline: true takes the copy/);
      expect((await get({offline: true})).from).to.equal('cache');
    });

    it('end when the signal says so, and keep what has come', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      hub.misbehave = (request, response, bytes) => {
        if (!request.url!.startsWith('/store')) return false;
        response.writeHead(200, {'content-length': bytes.length});
        response.write(bytes.subarray(0, 50_000));
        return true;
      };
      const onProgress = ({loaded}: {loaded: number}) => loaded === 50_000 && controller.abort(reason);
      expect(await rejection(get({signal: controller.signal, onProgress}))).to.equal(reason);
      expect((await store.findPart(hub.address + PATH))!.bytes.length).to.equal(50_000);
    });

    if (kind === 'folder') {
      it('count as none where a file of the folder is damaged', async () => {
        await get();
        const path = join(folder, 'cache');
        for (const name of await readdir(path)) {
          const whole = await readFile(join(path, name));
          await writeFile(join(path, name), whole.subarray(0, 10));
          expect((await rejection(get({offline: true}))).message).to.match(/must be in the cache/);
          await writeFile(join(path, name), whole);
        }
        expect((await get({offline: true})).from).to.equal('cache');
      });

      it('never take a hole for bytes', async () => {
        const part = {bytes: file.subarray(0, 100), etag: 'e'};
        const url = hub.address + PATH;
        await store.keepPart(url, part, 0);
        await store.keepPart(url, {...part, bytes: file.subarray(500, 600)}, 500);
        expect((await store.findPart(url))!.bytes.length).to.equal(100);
      });

      it('name the folder that cannot be written', async () => {
        await writeFile(join(folder, 'taken'), '');
        const error = await rejection(get({store: folderStore(join(folder, 'taken'))}));
        expect(error).to.be.instanceOf(CheckpointError);
        expect(error.message).to.match(/taken: it must be a folder that can be read and written; got /);
        expect((await stat(join(folder, 'taken'))).size).to.equal(0);
      });
    } else {
      it('need a Cache API only where they are asked for', async () => {
        scope.caches = undefined;
        expect(await browserStore('test', undefined)).to.equal(undefined);
        const error = await rejection(browserStore('test', true));
        expect(error).to.be.instanceOf(ConfigError);
        expect(error.message).to.match(/test: cache must be false where there is no Cache API/);
      });

      it('tell when the storage is full', async () => {
        cache.put = async () => {
          throw new Error('Quota exceeded.');
        };
        expect((await rejection(get())).message).to.match(
          /must fit into the storage .* Quota exceeded.*cache: false/,
        );
      });
    }
  });
}

describe('downloads that are not kept', () => {
  let hub: HubServer;
  before(async () => {
    hub = await startHub();
    hub.files.set(PATH, file);
  });
  after(() => hub.close());
  const get = (settings: DownloadSettings = {}) => download(new URL(hub.address + PATH), settings);

  const lies: [string, NonNullable<HubServer['misbehave']>, DownloadSettings, RegExp][] = [
    [
      'hangs before it answers',
      () => true,
      {timeout: 0.2},
      /must say something every 0.2 seconds \(timeout\); got silence/,
    ],
    [
      'hangs within the file',
      (_, response, bytes) => {
        response.writeHead(200, {'content-length': bytes.length});
        return response.write(bytes.subarray(0, 600)) || true;
      },
      {timeout: 0.2},
      /every 0.2 seconds/,
    ],
    [
      'says more bytes than it sends, every time',
      (_, response, bytes) => {
        response.writeHead(200, {'content-length': bytes.length + 5, etag: '"x"'});
        response.write(bytes, () => setTimeout(() => response.destroy(), 20));
        return true;
      },
      {},
      /must be one that can be fetched; got |must come as a whole/,
    ],
    [
      'says another size in the redirect',
      (request, response) => {
        if (request.url!.startsWith('/store')) return false;
        response.writeHead(302, {location: `/store${PATH}`, 'x-linked-size': '7'}).end();
        return true;
      },
      {},
      /must have the 7 bytes that the server says \(X-Linked-Size\); got 300000/,
    ],
    [
      'redirects for ever',
      (request, response) => {
        response.writeHead(302, {location: request.url!}).end();
        return true;
      },
      {},
      /at most 10 redirects; got more/,
    ],
    [
      'has a file that is too large',
      () => false,
      {maxBytes: 1000},
      /at most 1000 bytes \(maxBytes\); got 300000/,
    ],
    [
      'sends another part than the one asked for, and breaks off',
      (request, response, bytes) => {
        if (!request.url!.startsWith('/store')) return false;
        if (request.headers.range) {
          response.writeHead(206, {etag: '"x"', 'content-range': 'bytes 0-9/10', 'content-length': 10});
          response.end(bytes.subarray(0, 10));
        } else sendFile(request, response, bytes, '"x"', 5000);
        return true;
      },
      {},
      /must be one that can be fetched; got /,
    ],
  ];
  for (const [what, misbehave, settings, message] of lies) {
    it(`are refused from a server that ${what}`, async () => {
      hub.misbehave = misbehave;
      const error = await rejection(get(settings));
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(message).and.include(hub.address);
    });
  }

  it('go on within the call all the same', async () => {
    let broken = false;
    hub.misbehave = (request, response, bytes) => {
      if (!request.url!.startsWith('/store') || broken) return false;
      broken = true;
      sendFile(request, response, bytes, '"x"', 100_000);
      return true;
    };
    expect(sha256((await get()).bytes)).to.equal(sha256(file));
  });
});
