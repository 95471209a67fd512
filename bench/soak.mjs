/** `npm run soak`: see soak.ts. With the software driver that `npm test` has. */
import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {tsImport} from 'tsx/esm/api';

const {sparticuzUnavailable, swiftShaderEnvironment} = await tsImport(
  '../test/helpers/sparticuz.ts',
  import.meta.url,
);
const driver = sparticuzUnavailable() === undefined ? swiftShaderEnvironment() : {};
const program = fileURLToPath(new URL('soak.ts', import.meta.url));
const child = spawn(process.execPath, ['--import', 'tsx', program, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {...process.env, ...driver},
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
