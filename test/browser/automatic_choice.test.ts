/** The automatic choice in a page: never a WebGL in software, and a word on the console about what is passed over. */

import {expect} from 'chai';
import {inChromium, needsChromium, pageOf} from '../helpers/chromium.js';

const program = `
  import * as tf from '@tensorflow/tfjs';
  import '@tensorflow/tfjs-backend-wasm';
  import {backendReport, setupBackend} from './src/index.ts';

  // A driver that does not own up to being software: tfjs takes it.
  for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) {
    const {getContext} = canvas.prototype;
    canvas.prototype.getContext = function (type, attributes) {
      return getContext.call(this, type, {...attributes, failIfMajorPerformanceCaveat: false});
    };
  }

  globalThis.finished = (async () => {
    const warnings = [];
    const {warn} = console;
    console.warn = (text) => String(text).startsWith('setupBackend') && warnings.push(text);
    const chosen = [await setupBackend(), await setupBackend()];
    const skipped = backendReport().skipped;
    console.warn = warn;
    return {chosen, skipped, warnings, named: await setupBackend('webgl')};
  })();`;

interface Outcome {
  chosen: string[];
  skipped: {backend: string; reason: string}[];
  warnings: string[];
  named: string;
}

describe('the automatic choice in headless Chromium', () => {
  it('passes over a software WebGL, and warns once of the best backend that does not work', async function () {
    needsChromium(this);
    const files = await pageOf(program); // Without the .wasm file.
    const {chosen, skipped, warnings, named} = await inChromium(files, async (page, address) => {
      await page.goto(address, {waitUntil: 'load'});
      return page.evaluate(() => (globalThis as unknown as {finished: Promise<Outcome>}).finished);
    });
    expect(chosen).to.deep.equal(['cpu', 'cpu']);
    expect(skipped.find(({backend}) => backend === 'webgl')!.reason).to.match(
      /software renderer .*SwiftShader/i,
    );
    expect(warnings.length).to.equal(1);
    expect(warnings[0]).to.match(/wasm is the best backend .* cpu is taken .*setWasmPaths/);
    expect(named).to.equal('webgl');
  });
});
