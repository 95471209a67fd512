/**
 * The npm package `@sparticuz/chromium`: a headless Chromium, its libraries and a software Vulkan driver
 * (SwiftShader), all as files inside the package, so that tests need nothing installed on the system.
 *
 * Its own unpacker writes to the shared folder /tmp under fixed names and leaves out the libraries unless it runs on
 * AWS, which is why its files are unpacked here, once, under node_modules/.cache.
 */

import {existsSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {readBrotli, readTar, type TarFile, writeFolderAtomically} from './brotli_tar.js';

const nodeModules = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules');
const packed = join(nodeModules, '@sparticuz/chromium');

/** Why the package's binaries cannot run here, or undefined where they can. */
export function sparticuzUnavailable(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `@sparticuz/chromium has binaries for linux x64 only; this is ${process.platform} ${process.arch}`;
  }
  return existsSync(join(packed, 'bin')) ? undefined : '@sparticuz/chromium is not installed (npm ci)';
}

/** A folder under node_modules/.cache that holds what `files` gives, unpacked on first use. */
function cached(name: string, files: () => TarFile[]): string {
  // The version is part of the name, so that an update of the package is unpacked again.
  const {version} = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as {version: string};
  const folder = join(nodeModules, '.cache/tfjs-swint', `${name}-${version}`);
  if (!existsSync(folder)) {
    writeFolderAtomically(folder, files());
  }
  return folder;
}

const tarOf = (name: string) => readTar(readBrotli(join(packed, 'bin', `${name}.tar.br`)));

/** The folder with libvk_swiftshader.so, vk_swiftshader_icd.json and libvulkan.so.1. */
function swiftShaderFolder(): string {
  return cached('swiftshader', () =>
    tarOf('swiftshader').filter((file) => file.name.includes('vulkan') || file.name.includes('vk_')),
  );
}

/** The Chromium executable and the folder of the libraries it wants (LD_LIBRARY_PATH). */
export function sparticuzChromium(): {executable: string; libraries: string} {
  const folder = cached('chromium', () => [
    {name: 'chromium', mode: 0o755, data: readBrotli(join(packed, 'bin/chromium.br'))},
    ...tarOf('swiftshader'),
    ...tarOf('al2023'),
  ]);
  return {executable: join(folder, 'chromium'), libraries: join(folder, 'lib')};
}

/**
 * The environment in which Dawn (WebGPU in Node) finds SwiftShader and no other Vulkan driver. The loader reads it
 * when a process starts, so it has to be given to a child process.
 */
export function swiftShaderEnvironment(): Record<string, string> {
  const folder = swiftShaderFolder();
  const driver = join(folder, 'vk_swiftshader_icd.json');
  const {LD_LIBRARY_PATH} = process.env;
  return {
    // Both names: newer loaders let VK_DRIVER_FILES win over the older one.
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    LD_LIBRARY_PATH: LD_LIBRARY_PATH ? `${folder}:${LD_LIBRARY_PATH}` : folder,
  };
}
