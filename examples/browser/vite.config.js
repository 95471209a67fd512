/**
 * Builds the pages with Vite: `npm run pages` writes examples/browser/dist, plain files with relative addresses that any
 * host serves from any folder; `npm run pages:serve` serves them here.
 *
 * The headers make a page cross-origin isolated, which is what threads in wasm need. A host that cannot send them serves
 * the same files, and wasm computes on one thread.
 */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const pages = ['index', 'classify', 'train', 'segment', 'inside'];

/** @type {import('vite').UserConfig} */
export default {
  root: import.meta.dirname,
  base: './',
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // tfjs alone is larger than what Vite warns of.
    chunkSizeWarningLimit: 2000,
    rollupOptions: {input: pages.map((page) => `${import.meta.dirname}/${page}.html`)},
  },
  worker: {format: 'es'},
  server: {headers: isolation},
  preview: {headers: isolation},
};
