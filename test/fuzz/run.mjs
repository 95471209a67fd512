/**
 * `npm run fuzz`: random cases of the stock operations that are replaced and of the layers, on wasm and webgpu, against float64 references;
 * see main.mts. With the driver that `npm test` has.
 */
import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {tsImport} from 'tsx/esm/api';

const {sparticuzUnavailable, swiftShaderEnvironment} = await tsImport(
  '../helpers/sparticuz.ts',
  import.meta.url,
);
const driver = sparticuzUnavailable() === undefined ? swiftShaderEnvironment() : {};
const main = fileURLToPath(new URL('main.mts', import.meta.url));
const child = spawn(process.execPath, ['--import', 'tsx', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {...process.env, ...driver},
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
