/** importOptional: a package that is missing is told from one that is broken. */

import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect} from 'chai';
import {importOptional} from '../../../src/backends/optional_package.js';
import {BackendError} from '../../../src/errors.js';

describe('importOptional', () => {
  const folder = mkdtempSync(join(tmpdir(), 'swint-optional-'));
  after(() => rmSync(folder, {recursive: true}));

  const module = (name: string, code: string) => {
    const path = join(folder, name);
    writeFileSync(path, code);
    return pathToFileURL(path).href;
  };

  const failure = async (specifier: string) => {
    try {
      await importOptional(specifier);
    } catch (error) {
      return error as BackendError;
    }
    throw new Error(`${specifier} loaded`);
  };

  it('returns the module of an installed package', async () => {
    const chai = await importOptional<typeof import('chai')>('chai');
    expect(chai?.expect).to.be.a('function');
  });

  it('returns undefined for a package that is not installed', async () => {
    expect(await importOptional('@tensorflow/tfjs-swint-no-such-package')).to.equal(undefined);
  });

  it('throws a BackendError with the cause for a package that fails as it loads', async () => {
    const error = await failure(
      module('throws.mjs', 'throw new Error("no libtensorflow.so.2\\nsecond line");'),
    );
    expect(error).to.be.instanceOf(BackendError);
    expect(error.message).to.contain('no libtensorflow.so.2').and.not.contain('second line');
    expect((error.cause as Error).message).to.contain('second line');
  });

  it('throws for a package whose own dependency is missing', async () => {
    const error = await failure(module('lacks.mjs', 'import "swint-no-such-dependency";'));
    expect(error).to.be.instanceOf(BackendError);
    expect(error.message).to.contain('swint-no-such-dependency');
  });
});
