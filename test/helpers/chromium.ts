/**
 * A headless Chromium for tests that need a browser, driven by playwright-core.
 *
 * The one of the npm package @sparticuz/chromium serves by default: with the libraries that come with it, it needs
 * nothing but the C library of the system. CHROMIUM_PATH names another one.
 */

import {existsSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {build} from 'esbuild';
import {type Browser, chromium, type Page} from 'playwright-core';
import {opened} from './opened.js';
import {sparticuzChromium, sparticuzUnavailable} from './sparticuz.js';

const systemPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** WebGPU on SwiftShader, which Chromium offers to a page only when it is told to. */
const withWebGPU = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-unsafe-swiftshader',
];

/** Where Chromium is and what its environment needs, or why there is none. */
function findChromium(): {executable: string; env: Record<string, string>} | {reason: string} {
  const {CHROMIUM_PATH, LD_LIBRARY_PATH} = process.env;
  if (CHROMIUM_PATH) {
    return existsSync(CHROMIUM_PATH)
      ? {executable: CHROMIUM_PATH, env: {}}
      : {reason: `CHROMIUM_PATH names ${CHROMIUM_PATH}, which does not exist`};
  }
  const unavailable = sparticuzUnavailable();
  if (unavailable === undefined) {
    const {executable, libraries} = sparticuzChromium();
    return {
      executable,
      env: {LD_LIBRARY_PATH: LD_LIBRARY_PATH ? `${libraries}:${LD_LIBRARY_PATH}` : libraries},
    };
  }
  const executable = systemPaths.find((path) => existsSync(path));
  return executable
    ? {executable, env: {}}
    : {reason: `${unavailable}, and ${systemPaths.join(', ')} do not exist`};
}

/** Why no Chromium can be started here, or undefined where one can. */
function chromiumUnavailable(): string | undefined {
  const found = findChromium();
  return 'reason' in found ? `${found.reason} (set CHROMIUM_PATH)` : undefined;
}

/** Skips a test or suite where there is no Chromium, saying why; in CI it fails instead. */
export function needsChromium(context: Mocha.Context): void {
  const reason = chromiumUnavailable();
  if (reason === undefined) return;
  if (process.env.CI === 'true') throw new Error(`Chromium must be present in CI; it is not: ${reason}.`);
  console.log(`      skipped: ${reason}`);
  context.skip();
}

interface Launched {
  browser: Browser;
  /** Kills it, with all its processes, whatever they are doing. */
  close: () => Promise<void>;
}

/**
 * Starts Chromium with WebGPU and WebGL on a software GPU.
 *
 * @param closing Called as it is closed.
 */
async function launch(closing: () => void): Promise<Launched> {
  const found = findChromium();
  if ('reason' in found) {
    throw new Error(`inChromium: a Chromium must be present; got none: ${found.reason} (set CHROMIUM_PATH).`);
  }
  // A server, because playwright tells the processes of no other browser: closing it in order waits for all of them,
  // for ever where one hangs.
  const server = await chromium.launchServer({
    executablePath: found.executable,
    headless: true,
    // Its sandbox wants user namespaces, which containers withhold; the pages are our own.
    chromiumSandbox: false,
    args: withWebGPU,
    // Chromium brings its own Vulkan loader and driver; those that `npm test` names are for Dawn in Node.
    env: {...environmentWithoutVulkan(), ...found.env},
    timeout: 300_000, // It takes less than a second where nothing else runs.
  });
  const close = opened(() => {
    closing();
    return server.kill();
  }, 'run');
  try {
    return {browser: await chromium.connect(server.wsEndpoint(), {timeout: 0}), close};
  } catch (error) {
    await close();
    throw error;
  }
}

let launched: Promise<Launched> | undefined;

/**
 * The browser of the run, started at the first call, and again after one in which something failed. Where several
 * processes run the tests, a run is that of one file: the hook after it closes the browser.
 */
function sharedBrowser(): Promise<Launched> {
  if (launched) return launched;
  const starting = launch(() => {
    if (launched === starting) launched = undefined;
  });
  launched = starting;
  return starting;
}

async function closeSharedBrowser(): Promise<void> {
  const last = launched;
  launched = undefined;
  await last?.then(
    ({close}) => close(),
    () => undefined, // It did not start: the test that wanted it has failed.
  );
}

function environmentWithoutVulkan(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !/^VK_(ICD|DRIVER)_FILE/.test(name));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** A file that a test page asks for. */
export interface ServedFile {
  type: string;
  body: string | Uint8Array;
}

/** A page that runs a program with imports, bundled; `/` and `/main.js`. */
export async function pageOf(program: string): Promise<Map<string, ServedFile>> {
  const {outputFiles} = await build({
    stdin: {contents: program, resolveDir: process.cwd(), loader: 'js'},
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return new Map<string, ServedFile>([
    [
      '/',
      {type: 'text/html', body: '<!doctype html><head></head><script type="module" src="/main.js"></script>'},
    ],
    ['/main.js', {type: 'text/javascript', body: outputFiles[0].contents}],
  ]);
}

/** The headers of a page that is cross-origin isolated, which shared memory needs. */
export const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Serves `files` from 127.0.0.1, which counts as a secure context, so WebGPU is there. */
export async function serve(files: ReadonlyMap<string, ServedFile>, headers: Record<string, string>) {
  const server = createServer((request, response) => {
    const file = files.get(new URL(request.url ?? '/', 'http://127.0.0.1').pathname);
    response
      .writeHead(file ? 200 : 404, {...headers, 'content-type': file?.type ?? 'text/plain'})
      .end(file?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = opened(() => {
    server.close();
    server.closeAllConnections();
  });
  return {address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close};
}

/**
 * Opens a page whose files come from `files` (by path, such as `/index.html`), lets `use` work in it and closes it.
 * The browser is that of the run, each page a context of its own; where something fails the next page gets a fresh
 * browser. The page has no time limits: mocha's limit closes the browser, and so ends whatever the test waits for.
 *
 * @param use gets the page's address and the page.
 * @param headers sent with every file.
 * @returns what `use` returns.
 * @throws what `use` throws, and an Error for an exception that the page did not catch.
 */
export async function inChromium<T>(
  files: ReadonlyMap<string, ServedFile>,
  use: (page: Page, address: string) => Promise<T>,
  headers: Record<string, string> = {},
): Promise<T> {
  const {address, close: closeServer} = await serve(files, headers);
  // Called in good order only when all went well: the hook after a test that ran out of time kills the browser.
  let done = false;
  const release = opened(() => (done ? undefined : closeSharedBrowser()));
  try {
    const {browser} = await sharedBrowser();
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(0);
    page.setDefaultNavigationTimeout(0);
    const errors: Error[] = [];
    page.on('pageerror', (error) => errors.push(error));
    const result = await use(page, address);
    if (errors.length > 0) {
      throw errors[0];
    }
    await context.close();
    done = true;
    return result;
  } finally {
    await release();
    await closeServer();
  }
}
