/** Reads every import of the library and holds it to the rules of who may import whom; and tests those rules. */

import {fileURLToPath} from 'node:url';
import {expect} from 'chai';
import {checkLayering, doubleImports, importsOf, type Rule, readSources} from './helpers/layering.js';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('layering', () => {
  it('holds in every source file', () => {
    const sources = readSources(root);
    for (const file of ['kernels/common/errors.ts', 'src/errors.ts', 'kernels/wasm/assembly/threads.ts']) {
      expect(sources.has(file), file).to.equal(true);
    }
    const lines = checkLayering(sources).map(({file, line, message}) => `${file}:${line}: ${message}`);
    expect(lines.join('\n')).to.equal('');
  });

  it('imports no module in two places of a test, an example or a benchmark', () => {
    const sources = readSources(root, ['test', 'examples', 'bench']);
    expect(sources.has('test/layering.test.ts')).to.equal(true);
    const lines = doubleImports(sources).map(({file, line, message}) => `${file}:${line}: ${message}`);
    expect(lines.join('\n')).to.equal('');
  });
});

/** `count` files of a folder. */
const manyFiles = (folder: string, count: number) =>
  Object.fromEntries(Array.from({length: count}, (_, i) => [`${folder}/f${i}.ts`, '']));

/** Files that exist in every case below, so that importing them is not itself a violation. */
const others: Array<[string, string]> = [
  ['kernels/a.ts', ''],
  ['kernels/common/a.ts', ''],
  ['layers/a.ts', ''],
  ['architectures/a.ts', ''],
  ['src/a.ts', ''],
  ['src/node.ts', ''],
  ['src/node/a.ts', ''],
  ['src/cli/a.ts', ''],
];

const check = (files: Record<string, string>) =>
  checkLayering(new Map([...others, ...Object.entries(files)]));

describe('the layering rules', () => {
  const allowed: Record<string, Record<string, string>> = {
    'layers imports kernels': {'layers/x.ts': `import {a} from '../kernels/a.js';`},
    'architectures imports layers': {'architectures/x.ts': `import {a} from '../layers/a.js';`},
    'src imports all': {
      'src/x.ts': `import '../kernels/a.js'; import '../layers/a.js'; import '../architectures/a.js';`,
    },
    'everyone imports the ground floor': {
      'architectures/x.ts': `import '../kernels/common/a.js';`,
      'kernels/common/x.ts': `import './a.js';`,
    },
    'a room imports those below it': {
      'kernels/wasm/tfjs/x.ts': `import '../primitives/a.js'; import '../../geometry/a.js';`,
      'kernels/wasm/primitives/a.ts': `import '../runtime/a.js';`,
      'kernels/wasm/runtime/a.ts': '',
      'kernels/geometry/a.ts': '',
    },
    'a gradient has a file of its own': {
      'kernels/operations/linear.ts': '',
      'kernels/webgpu/operations/linear.ts': '',
      'kernels/webgpu/operations/linear_grad.ts': '',
    },
    'kernels imports tf and itself': {'kernels/x.ts': `import '@tensorflow/tfjs-core'; import './a.js';`},
    'kernels/wasm imports its backend': {
      'kernels/wasm/x.ts': `import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';`,
    },
    'src/node and the command line import Node': {
      'src/node/x.ts': `import {readFileSync} from 'node:fs'; import './a.js';`,
      'src/cli/x.ts': `import '../node/a.js'; import 'path';`,
    },
    'a room of the assembly imports those below it, without an ending': {
      'kernels/wasm/assembly/index.ts': `export {x} from './kernels/x';`,
      'kernels/wasm/assembly/kernels/x.ts': `import {parallel} from '../threads'; import {k} from '../units/a/x';`,
      'kernels/wasm/assembly/threads.ts': `import {unit} from './units/a/x';`,
      'kernels/wasm/assembly/units/a/x.ts': `import {y} from '../b/y'; import {m} from '../../arithmetic/x';`,
      'kernels/wasm/assembly/units/b/y.ts': `import {g} from '../../ground/x';`,
      'kernels/wasm/assembly/arithmetic/x.ts': '',
      'kernels/wasm/assembly/ground/x.ts': '// @ts-expect-error: decorator\n@inline\nfunction f(): void {}',
    },
    'a module is imported for its names and as a whole, and named again': {
      'layers/x.ts': `import * as a from './a.js'; import {b} from './a.js'; export {c} from './a.js';`,
    },
    'a folder of kernels has twenty files': manyFiles('kernels/geometry', 20),
    'a folder of another room has more': manyFiles('layers/parts', 21),
    'a later import closes a cycle': {
      'layers/x.ts': `export const y = () => import('./y.js');`,
      'layers/y.ts': `import {X} from './x.js';`,
    },
  };
  for (const [name, files] of Object.entries(allowed)) {
    it(`allow: ${name}`, () => expect(check(files)).to.deep.equal([]));
  }

  const forbidden: Array<[string, Rule, Record<string, string>]> = [
    ['kernels imports layers', 'folders', {'kernels/x.ts': `import {a} from '../layers/a.js';`}],
    [
      'kernels imports a type of layers',
      'folders',
      {'kernels/x.ts': `import type {A} from '../layers/a.js';`},
    ],
    ['kernels imports src', 'folders', {'kernels/x.ts': `export * from '../src/a.js';`}],
    ['layers imports architectures', 'folders', {'layers/x.ts': `import '../architectures/a.js';`}],
    ['layers imports src later', 'folders', {'layers/x.ts': `export const a = import('../src/a.js');`}],
    ['architectures imports kernels', 'folders', {'architectures/x.ts': `import '../kernels/a.js';`}],
    ['architectures imports src', 'folders', {'architectures/x.ts': `let a: import('../src/a.js').A;`}],
    [
      'the ground floor imports what stands on it',
      'folders',
      {'kernels/common/x.ts': `import type {A} from '../a.js';`},
    ],
    [
      'a room imports the one above it',
      'rooms',
      {
        'kernels/wasm/runtime/x.ts': `import '../primitives/y.js';`,
        'kernels/wasm/primitives/y.ts': '',
      },
    ],
    [
      'a room imports its neighbour',
      'rooms',
      {'kernels/wasm/operations/index.ts': `import '../tfjs/y.js';`, 'kernels/wasm/tfjs/y.ts': ''},
    ],
    [
      'a backend imports the other',
      'rooms',
      {'kernels/wasm/runtime/x.ts': `import '../../webgpu/runtime/y.js';`, 'kernels/webgpu/runtime/y.ts': ''},
    ],
    [
      'a kernel is named after no operation',
      'names',
      {'kernels/wasm/operations/convolution.ts': '', 'kernels/operations/linear.ts': ''},
    ],
    [
      'a unit imports the threads',
      'rooms',
      {
        'kernels/wasm/assembly/units/x.ts': `import {parallel} from '../threads';`,
        'kernels/wasm/assembly/threads.ts': '',
      },
    ],
    [
      'the threads import a kernel',
      'rooms',
      {
        'kernels/wasm/assembly/threads.ts': `import {x} from './kernels/x';`,
        'kernels/wasm/assembly/kernels/x.ts': '',
      },
    ],
    [
      'the ground imports arithmetic',
      'rooms',
      {
        'kernels/wasm/assembly/ground/x.ts': `import {x} from '../arithmetic/x';`,
        'kernels/wasm/assembly/arithmetic/x.ts': '',
      },
    ],
    [
      'a file of the assembly stands in no room',
      'rooms',
      {
        'kernels/wasm/assembly/stray.ts': `import {x} from './ground/x';`,
        'kernels/wasm/assembly/ground/x.ts': '',
      },
    ],
    [
      'the assembly imports the library',
      'rooms',
      {
        'kernels/wasm/assembly/kernels/x.ts': `import {y} from '../../runtime/y';`,
        'kernels/wasm/runtime/y.ts': '',
      },
    ],
    ['the assembly imports a package', 'rooms', {'kernels/wasm/assembly/kernels/x.ts': `import 'webgpu';`}],
    [
      'the library imports the assembly',
      'rooms',
      {
        'kernels/wasm/runtime/x.ts': `import {y} from '../assembly/ground/y.js';`,
        'kernels/wasm/assembly/ground/y.ts': '',
      },
    ],
    [
      'an import of the assembly has an ending',
      'missing',
      {
        'kernels/wasm/assembly/ground/x.ts': `import {y} from './y.js';`,
        'kernels/wasm/assembly/ground/y.ts': '',
      },
    ],
    [
      'files of the assembly form a cycle',
      'cycle',
      {
        'kernels/wasm/assembly/units/x.ts': `import {y} from './y';`,
        'kernels/wasm/assembly/units/y.ts': `import {x} from './x';`,
      },
    ],
    [
      'a module is imported twice',
      'twice',
      {'layers/x.ts': `import {a} from './a.js'; import {b} from './a.js';`},
    ],
    [
      'a package is imported twice',
      'twice',
      {
        'layers/x.ts': `import type {a} from '@tensorflow/tfjs-core'; import {b} from '@tensorflow/tfjs-core';`,
      },
    ],
    [
      'a unit is imported twice',
      'twice',
      {
        'kernels/wasm/assembly/units/x.ts': `import {a} from './a/y'; import {b} from './a/y';`,
        'kernels/wasm/assembly/units/a/y.ts': '',
      },
    ],
    ['a folder of kernels has too many files', 'crowded', manyFiles('kernels/wasm/assembly/units', 21)],
    ['src imports the tests', 'folders', {'src/x.ts': `import '../test/helpers/a.js';`}],
    ['src imports the package itself', 'folders', {'src/x.ts': `import 'tfjs-swint/layers';`}],
    [
      'geometry imports tf',
      'geometry',
      {'kernels/geometry/x.ts': `import * as tf from '@tensorflow/tfjs-core';`},
    ],
    [
      'geometry imports a type of tf',
      'geometry',
      {'kernels/geometry/x.ts': `import type {Tensor} from '@tensorflow/tfjs-core';`},
    ],
    [
      'a composed kernel imports a backend',
      'backend',
      {'kernels/composed/x.ts': `import '@tensorflow/tfjs-backend-cpu';`},
    ],
    ['kernels imports Dawn', 'backend', {'kernels/x.ts': `import type {create} from 'webgpu';`}],
    ['layers imports a backend', 'backend', {'layers/x.ts': `import '@tensorflow/tfjs-node';`}],
    ['src imports a module of Node', 'node', {'src/x.ts': `import {readFile} from 'node:fs/promises';`}],
    ['src imports one without its prefix', 'node', {'src/data/x.ts': `import {join} from 'path';`}],
    ['kernels requires one', 'node', {'kernels/x.ts': `const fs = require('fs');`}],
    ['src imports what needs Node', 'node', {'src/x.ts': `import './node/a.js';`}],
    ['src imports the Node entry later', 'node', {'src/x.ts': `export const n = () => import('./node.js');`}],
    ['src imports the command line', 'node', {'src/x.ts': `export * from './cli/a.js';`}],
    ['layers imports the umbrella package', 'tf', {'layers/x.ts': `import * as tf from '@tensorflow/tfjs';`}],
    [
      'layers imports a chained operation',
      'tf',
      {'layers/x.ts': `import '@tensorflow/tfjs-core/dist/public/chained_ops/add';`},
    ],
    ['an import names no file', 'missing', {'layers/x.ts': `import './nowhere.js';`}],
    ['an import lacks .js', 'missing', {'layers/x.ts': `import './a';`}],
    [
      'three files form a cycle',
      'cycle',
      {
        'layers/x.ts': `import './y.js';`,
        'layers/y.ts': `export {z} from './z.js';`,
        'layers/z.ts': `import {type X} from './x.js';`,
      },
    ],
    [
      'types form a cycle',
      'cycle',
      {'layers/x.ts': `import type {Y} from './y.js';`, 'layers/y.ts': `import {X} from './x.js';`},
    ],
    ['a file imports itself', 'cycle', {'layers/x.ts': `import './x.js';`}],
  ];
  for (const [name, rule, files] of forbidden) {
    it(`refuse: ${name}`, () =>
      expect(check(files).map((violation) => violation.rule)).to.deep.equal([rule]));
  }

  it('say where', () => {
    const [violation] = check({'layers/x.ts': `// A line.\nimport '../src/a.js';`});
    expect(violation).to.include({file: 'layers/x.ts', line: 2});
    expect(violation!.message).to.contain('src/a.ts');
  });

  it('read imports, not comments and strings', () => {
    const text = `// import './a.js';\nconst s = "import './b.js'";\nimport /* why */ c from './c.js';`;
    expect(importsOf('x.ts', text).map(({specifier}) => specifier)).to.deep.equal(['./c.js']);
  });
});
