/**
 * What an application is told in which npm has installed tfjs-core 1.7.4 for tfjs-image-recognition-base, because its
 * package.json has no overrides. The real packages, in processes of their own: both copies change a global engine.
 */

import {spawnSync} from 'node:child_process';
import {expect} from 'chai';
import {url} from '../../helpers/fresh_process.js';

/** Gives the package the version of tfjs-core that it asks for, as a folder of its own in node_modules does. */
const withoutOverride = `
  import Module, {createRequire} from 'node:module';
  const older = createRequire(${JSON.stringify(url('package.json'))}).resolve('tfjs-core-1');
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (name, parent, ...rest) =>
    name === '@tensorflow/tfjs-core' && parent?.filename?.includes('tfjs-image-recognition-base')
      ? older
      : resolve(name, parent, ...rest);`;

const ours = `const {swinNet} = await import(${JSON.stringify(url('src/image_recognition/index.ts'))});`;
const tfjs = `const tf = await import('@tensorflow/tfjs');`;
const base = `const base = await import('tfjs-image-recognition-base');`;
const use = `
  const model = tf.sequential({layers: [tf.layers.dense({units: 2, inputShape: [3]})]});
  const net = swinNet(base, model);
  console.log('#shared ' + net.isLoaded);`;

/** What a program prints: a line of its own that begins with #, or its error. */
function outcome(...program: string[]): string {
  const code = `${program[0]} try { ${program.slice(1).join('\n')} }
    catch (error) { console.log('#' + error.name + ': ' + error.message); }`;
  const {stdout, stderr} = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', code],
    {
      cwd: new URL('../../..', import.meta.url),
      encoding: 'utf8',
      // Ends one that hangs. It takes seconds where nothing else runs.
      ...{timeout: 600_000, killSignal: 'SIGKILL'},
    },
  );
  return stdout.split('\n').find((line) => line.startsWith('#')) ?? stderr;
}

describe('tfjs-swint/image-recognition beside tfjs-core 1.7', () => {
  const rule = /BackendError: .*must share one @tensorflow\/tfjs-core; got an older one, loaded/;

  it('shares the engine where overrides are set, in either order', () => {
    expect(outcome('', tfjs, base, ours, use)).to.equal('#shared true');
    expect(outcome('', base, tfjs, ours, use)).to.equal('#shared true');
  });

  it('says at its import that the package has loaded another core before ours', () => {
    const error = outcome(withoutOverride, base, tfjs, ours, use);
    expect(error)
      .to.match(rule)
      .and.to.match(/^#BackendError: tfjs-swint\/image-recognition: .* before 4\./);
    expect(error).to.contain(
      '"overrides": {"tfjs-image-recognition-base": {"@tensorflow/tfjs-core": "$@tensorflow/tfjs-core"}}',
    );
  });

  it('says at its import that the package has loaded another core after ours', () => {
    const error = outcome(withoutOverride, tfjs, base, ours, use);
    expect(error)
      .to.match(rule)
      .and.to.match(/^#BackendError: tfjs-swint\/image-recognition: .* after 4\./);
  });

  it('says so in swinNet where the package is imported last', () => {
    const error = outcome(withoutOverride, tfjs, ours, base, use);
    expect(error)
      .to.match(rule)
      .and.to.match(/^#BackendError: swinNet: .* after 4\./);
  });

  it('says that @tensorflow/tfjs has to be imported', () => {
    const core = `const tf = {...(await import('@tensorflow/tfjs-core')), ...(await import('@tensorflow/tfjs-layers'))};
      await import('@tensorflow/tfjs-backend-cpu');`;
    expect(outcome('', core, base, ours, use)).to.equal(
      '#BackendError: swinNet: tensors must have operations as methods, which tfjs-image-recognition-base calls; ' +
        "got none (import '@tensorflow/tfjs' first).",
    );
  });
});
