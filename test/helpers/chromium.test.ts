/** The helper that runs pages in Chromium: what the browser offers, and that a page's error fails the test. */

import {expect} from 'chai';
import {inChromium, needsChromium, type ServedFile} from './chromium.js';

const pageWith = (script: string): Map<string, ServedFile> =>
  new Map([['/', {type: 'text/html', body: `<!doctype html><title>test</title><script>${script}</script>`}]]);

describe('inChromium', () => {
  before(function () {
    needsChromium(this);
  });

  it('runs a page that has WebGPU and WebGL2', async () => {
    const offered = await inChromium(pageWith('globalThis.loaded = 42'), async (page, address) => {
      await page.goto(address);
      return page.evaluate(async () => ({
        loaded: (globalThis as unknown as {loaded: number}).loaded,
        webgl2: document.createElement('canvas').getContext('webgl2') !== null,
        vendor: (await navigator.gpu?.requestAdapter())?.info.vendor,
      }));
    });
    expect(offered).to.deep.equal({loaded: 42, webgl2: true, vendor: 'google'});
  });

  it('passes on an exception that the page does not catch', async () => {
    const outcome = await inChromium(pageWith('throw new Error("page broke")'), (page, address) =>
      page.goto(address, {waitUntil: 'load'}),
    ).then(
      () => 'no error',
      (error: Error) => error.message,
    );
    expect(outcome).to.contain('page broke');
  });
});
