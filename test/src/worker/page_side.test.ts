/** What a page that opens a worker has to load: nothing of tfjs. */

import {expect} from 'chai';
import {build} from 'esbuild';

describe("the page's side of a worker", () => {
  it('needs no tfjs and little else', async () => {
    const {metafile, outputFiles} = await build({
      entryPoints: ['src/worker/index.ts'],
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const files = Object.keys(metafile.inputs);
    expect(files).to.include('src/worker/open_worker.ts');
    expect(files.filter((file) => file.startsWith('node_modules/'))).to.deep.equal([]);
    expect(outputFiles[0]!.contents.length).to.be.below(30_000);
  });
});
