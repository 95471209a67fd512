/** Checkpoints behind URLs, from servers that do not do what they should. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer, type RequestListener, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {CheckpointError, ConfigError} from '../../../src/errors.js';
import {loadWeights as loadFile, swinFromCheckpoint as swinFromFile} from '../../../src/node/weight_files.js';
import {isPrivate} from '../../../src/weights/fetch_bytes.js';
import {swinFromCheckpoint} from '../../../src/weights/from_checkpoint.js';
import {loadWeights} from '../../../src/weights/load_weights.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {rejection, smallModel} from '../node/small_model.js';

describe('URLs of checkpoints', () => {
  let server: Server;
  let address: string;
  let bytes: Uint8Array;
  let sent = 0;
  let model: tf.LayersModel;
  let other: tf.LayersModel;
  const {fetch} = globalThis;

  /** More than a program should take, as fast as the reader takes it. */
  const flood =
    (start: string): RequestListener =>
    (_, response) => {
      const part = Buffer.alloc(2 ** 20, 32);
      response.write(Buffer.concat([Buffer.from(start), part]));
      const more = () => {
        while (!response.destroyed) {
          sent += part.length;
          if (!response.write(part)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    };

  const answers: Record<string, RequestListener> = {
    '/good': (_, response) => response.end(bytes),
    '/sized': (_, response) => {
      response.setHeader('content-length', bytes.length);
      response.end(bytes);
    },
    '/silent': () => {},
    '/stalls': (_, response) => response.write(bytes.subarray(0, 100)),
    '/cut': (_, response) => {
      response.setHeader('content-length', bytes.length);
      response.write(bytes.subarray(0, 600), () => response.destroy());
    },
    '/none': (_, response) => response.writeHead(404).end(),
    '/page': flood('<!doctype html>'),
    '/flood': flood('\x00\x00\x00\x10\x00\x00\x00\x00{'),
    '/large': (_, response) => {
      response.setHeader('content-length', 2 ** 31);
      response.write(bytes);
    },
    '/moved': (_, response) => response.writeHead(302, {location: '/good'}).end(),
    '/round': (_, response) => response.writeHead(302, {location: '/round'}).end(),
    '/file': (_, response) => response.writeHead(302, {location: 'file:///etc/passwd'}).end(),
    '/nowhere': (_, response) => response.writeHead(302).end(),
  };

  before(async () => {
    await tf.setBackend('cpu');
    model = smallModel(1);
    other = smallModel(2);
    bytes = await saveWeights(other, {layout: 'tfjs-swint'});
    server = createServer((request, response) => {
      response.on('error', () => {});
      answers[request.url!](request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    model.dispose();
    other.dispose();
  });
  afterEach(() => {
    globalThis.fetch = fetch;
  });

  it('are taken as URL and as text, by both entries, with their progress', async () => {
    const progress: object[] = [];
    await loadWeights(model, new URL(`${address}/good`));
    await loadWeights(model, `${address}/sized`, {onProgress: (one) => progress.push(one)});
    await loadFile(model, `${address}/moved`);
    await loadFile(model, `data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`);
    expect(progress.at(-1)).to.deep.equal({loaded: bytes.length, total: bytes.length});
    expect([...model.getWeights()[0].dataSync()]).to.deep.equal([...other.getWeights()[0].dataSync()]);
    const folder = await mkdtemp(join(tmpdir(), 'swint-url-'));
    try {
      await writeFile(join(folder, 'x.safetensors'), bytes);
      await loadFile(model, pathToFileURL(join(folder, 'x.safetensors')));
      await loadFile(model, pathToFileURL(join(folder, 'x.safetensors')).href);
    } finally {
      await rm(folder, {recursive: true});
    }
  });

  const wrong: [string, string, object, RegExp][] = [
    ['no answer', '/silent', {timeout: 0.2}, /must say something every 0.2 seconds \(timeout\); got silence/],
    ['an answer that stops', '/stalls', {timeout: 0.2}, /must say something every 0.2 seconds/],
    ['an answer that is cut off', '/cut', {}, /must be one that can be fetched; got /],
    ['no file', '/none', {}, /must be there; got status 404/],
    ['a size that the server says', '/large', {}, /at most 1073741824 bytes \(maxBytes\); got 2147483648/],
    [
      'a size that it does not say',
      '/flood',
      {maxBytes: 4e6},
      /at most 4000000 bytes \(maxBytes\); got \d+ and more/,
    ],
    ['a circle of redirects', '/round', {}, /at most 10 redirects; got more/],
    ['a redirect to a file', '/file', {}, /a redirect must lead to http or https; got file:/],
    ['a redirect to nowhere', '/nowhere', {}, /must be there; got status 302/],
  ];
  for (const [what, path, options, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await rejection(loadWeights(model, address + path, options));
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(message);
      expect(error.message).to.include(`${address}${path}: `);
    });
  }

  it('refuses a page by its first bytes, and stops the download', async () => {
    sent = 0;
    const error = await rejection(loadWeights(model, `${address}/page`));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(/begins with "<!doctype html>.*\(a page; is this the address of the file/);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sent).to.be.below(64 * 2 ** 20);
  });

  it('refuses what cannot be fetched, with the cause', async () => {
    const closed = await rejection(loadWeights(model, 'http://127.0.0.1:1/x'));
    expect(closed).to.be.instanceOf(CheckpointError);
    expect(closed.message).to.match(/can be fetched; got .*(ECONNREFUSED|bad port)/);
    expect(closed.cause).to.be.instanceOf(TypeError);
    const scheme = await rejection(loadFile(model, 'ftp://x.example/y'));
    expect(scheme).to.be.instanceOf(CheckpointError);
    const secret = await rejection(loadFile(model, 'http://me:secret@127.0.0.1:1/x'));
    expect(secret).to.be.instanceOf(CheckpointError);
    expect(secret.message)
      .to.match(/without name and password/)
      .and.not.include('secret');
    for (const source of ['no such file', undefined, 7, {}]) {
      const error = await rejection(loadWeights(model, source as string));
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(/must be the file's bytes/);
    }
    expect(await rejection(loadFile(model, new URL('file://elsewhere/x')))).to.be.instanceOf(CheckpointError);
  });

  it('stops when the signal says so, with its reason', async () => {
    const reason = new Error('the page is closed');
    expect(
      await rejection(loadWeights(model, `${address}/good`, {signal: AbortSignal.abort(reason)})),
    ).to.equal(reason);
    for (const load of [
      (signal: AbortSignal) => loadFile(model, `${address}/silent`, {signal}),
      (signal: AbortSignal) => swinFromFile(`${address}/stalls`, {signal}),
      (signal: AbortSignal) => swinFromCheckpoint(`${address}/stalls`, {signal}),
    ]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 50);
      expect(await rejection(load(controller.signal))).to.equal(reason);
    }
  });

  it('follows no redirect from a public server to this machine', async () => {
    const asked: string[] = [];
    globalThis.fetch = (async (url: URL) => {
      asked.push(String(url));
      return new Response(null, {status: 302, headers: {location: `${address}/good`}});
    }) as typeof globalThis.fetch;
    const error = await rejection(loadWeights(model, 'https://weights.example/swin'));
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.message).to.match(
      /must not lead to this machine or its own network; got one to 127\.0\.0\.1/,
    );
    expect(asked).to.deep.equal(['https://weights.example/swin']);
  });

  it('knows addresses of this machine and its network', () => {
    const hosts = (text: string) => text.split(' ').map((host) => new URL(`http://${host}/`).hostname);
    const near =
      'localhost a.localhost LOCALHOST. 127.0.0.1 127.1 2130706433 0x7f.1 0.0.0.0 10.1.2.3 172.16.0.1 172.31.9.9 ' +
      '192.168.1.1 169.254.169.254 100.64.0.1 [::1] [::] [fe80::1] [fd00::1] [::ffff:127.0.0.1] [::ffff:10.0.0.1] ' +
      'printer.local metadata.google.internal';
    const far =
      'example.com 8.8.8.8 172.32.0.1 192.169.0.1 100.128.0.1 169.253.1.1 [2001:db8::1] [::ffff:8.8.8.8] 10.example.com';
    for (const host of hosts(near)) expect(isPrivate(host), host).to.equal(true);
    for (const host of hosts(far)) expect(isPrivate(host), host).to.equal(false);
  });

  it('refuses options that can never work, before anything is fetched', async () => {
    for (const [options, message] of [
      [{timeout: 0}, /loadWeights: timeout must be a number above 0; got 0 \(in seconds\)/],
      [{maxBytes: 1.5}, /loadWeights: maxBytes must be a whole number from 1; got 1.5/],
      [{signal: {}}, /loadWeights: signal must be an AbortSignal; got object/],
      [{onProgress: true}, /loadWeights: onProgress must be a function; got boolean/],
    ] as const) {
      const error = await rejection(loadWeights(model, `${address}/silent`, options as object));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(message);
    }
  });
});
