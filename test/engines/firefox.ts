/**
 * A headless Firefox, driven by WebDriver BiDi: commands {id, method, params} and their answers as JSON on a WebSocket.
 * Playwright's driver speaks a newer BiDi than Debian's Firefox understands.
 *
 * Sources: W3C, WebDriver BiDi (session, browsingContext, script).
 */

import {type ChildProcess, spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {WebSocket} from 'ws';
import {type ServedFile, serve} from '../helpers/chromium.js';
import {opened} from '../helpers/opened.js';
import {firefoxFolder, whyMissing} from './engines.js';

const lib = join(firefoxFolder, 'usr/lib');
const executable = join(lib, 'firefox-esr/firefox-esr');

/** Why there is no Firefox, or undefined where there is one. */
export const firefoxUnavailable = (): string | undefined => whyMissing(executable);

/** WebGL on a software driver too, where there is any. */
const PREFERENCES = {'webgl.force-enabled': true};

interface Answer {
  id?: number;
  type: 'success' | 'error' | 'event';
  result?: unknown;
  error?: string;
  message?: string;
}

/** A session of commands with one Firefox. */
class Session {
  #last = 0;
  readonly #waiting = new Map<number, {resolve(result: unknown): void; reject(error: Error): void}>();

  constructor(readonly socket: WebSocket) {
    socket.on('message', (text) => {
      const {id, type, result, error, message} = JSON.parse(String(text)) as Answer;
      const asked = this.#waiting.get(id ?? -1);
      if (!asked) return;
      this.#waiting.delete(id!);
      if (type === 'error') asked.reject(new Error(`Firefox: ${error}: ${message}`));
      else asked.resolve(result);
    });
    socket.on('close', () => {
      for (const {reject} of this.#waiting.values()) reject(new Error('Firefox: it has closed the session.'));
    });
  }

  send<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#last;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject});
      this.socket.send(JSON.stringify({id, method, params}));
    }) as Promise<T>;
  }
}

/** The address of the WebSocket, which Firefox prints as it starts. */
function addressOf(process: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    process.stderr!.setEncoding('utf8').on('data', (text) => {
      printed += text;
      const address = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(printed)?.[1];
      if (address) resolve(address);
    });
    process.on('error', reject);
    process.on('exit', () => reject(new Error(`Firefox: it ended as it started:\n${printed}`)));
  });
}

/** Starts Firefox with a profile of its own, which `close` removes. */
async function launch(): Promise<{session: Session; close: () => Promise<void>}> {
  const profile = mkdtempSync(join(tmpdir(), 'swint-firefox-'));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${value});\n`);
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const libraries = [join(lib, 'firefox-esr'), join(lib, 'x86_64-linux-gnu'), process.env.LD_LIBRARY_PATH];
  const firefox = spawn(
    executable,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {...process.env, HOME: profile, LD_LIBRARY_PATH: libraries.filter(Boolean).join(':')},
      // A process group of its own: its processes are ended with it.
      detached: true,
    },
  );
  const ended = new Promise((resolve) => firefox.on('exit', resolve));
  const close = opened(async () => {
    if (firefox.pid !== undefined && firefox.exitCode === null) {
      process.kill(-firefox.pid, 'SIGKILL');
      await ended;
    }
    rmSync(profile, {recursive: true, force: true, maxRetries: 10});
  });
  try {
    const socket = new WebSocket(`${await addressOf(firefox)}/session`);
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
    const session = new Session(socket);
    await session.send('session.new', {capabilities: {}});
    return {session, close};
  } catch (error) {
    await close();
    throw error;
  }
}

interface Evaluated {
  type: 'success' | 'exception';
  result?: {value: string};
  exceptionDetails?: {text: string};
}

/**
 * Opens `/` of some files in a Firefox of its own and evaluates an expression there.
 *
 * @param files by path, such as `/index.html`, served from 127.0.0.1.
 * @param expression gives a promise of what JSON can hold.
 * @param headers sent with every file.
 * @returns what the promise gives.
 * @throws an Error for an exception in the page.
 */
export async function inFirefox<T>(
  files: ReadonlyMap<string, ServedFile>,
  expression: string,
  headers: Record<string, string> = {},
): Promise<T> {
  const {address, close: closeServer} = await serve(files, headers);
  const {session, close} = await launch();
  try {
    const {contexts} = await session.send<{contexts: {context: string}[]}>('browsingContext.getTree');
    const {context} = contexts[0]!;
    await session.send('browsingContext.navigate', {context, url: address, wait: 'complete'});
    const {result, exceptionDetails} = await session.send<Evaluated>('script.evaluate', {
      expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value))`,
      target: {context},
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(`Firefox: ${exceptionDetails.text}`);
    return JSON.parse(result!.value);
  } finally {
    await close();
    await closeServer();
  }
}
