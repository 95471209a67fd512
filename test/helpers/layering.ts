/**
 * Who may import whom, checked on the source text of src/, layers/, architectures/ and kernels/.
 *
 * The rules are those of the design: kernels imports nothing of ours, layers kernels, architectures layers, src all
 * three, and everyone kernels/common, which imports nothing outside of itself; geometry is free of tf; only kernels/wasm
 * and kernels/webgpu know a backend's package, and neither knows the other; Node's own modules stay in src/node.ts,
 * src/node/ and src/cli/, which nothing else imports, so that every other file runs in a browser; no import
 * cycles, of types neither; and tf only as `@tensorflow/tfjs-core` and `-layers`, whose functional operations need no side effect.
 *
 * The rooms of a backend stand on each other (`floors`): a room imports those below it, and no other room of its floor.
 * A file in its operations/ is named as the one in kernels/operations/, with `_grad` where the gradient has its own.
 *
 * kernels/wasm/assembly is another language, AssemblyScript, compiled into one file of ours: it imports itself alone, and
 * nobody else imports it. Its rooms stand on each other too (`assemblyFloors`). No folder of kernels/ has more files than
 * one can take in, and no file anywhere imports one module in two places.
 */

import {readdirSync, readFileSync} from 'node:fs';
import {builtinModules} from 'node:module';
import {join, posix} from 'node:path';
import ts from 'typescript';

/** One `import`, `export ... from`, `import()`, `require()` or `import('...')` type. */
interface Import {
  specifier: string;
  line: number;
  /** An `import()` expression: runs later, so it closes no cycle. */
  dynamic: boolean;
  /** What an `import` at the top of the file binds: names, or `* as` one; undefined for the other kinds. */
  binds?: 'names' | 'namespace';
}

/** A rule that an import breaks. */
interface Violation {
  file: string;
  line: number;
  rule: Rule;
  message: string;
}

export type Rule =
  | 'folders'
  | 'rooms'
  | 'names'
  | 'geometry'
  | 'backend'
  | 'node'
  | 'tf'
  | 'missing'
  | 'cycle'
  | 'twice'
  | 'crowded';

/** Source text by path from the repository's root, with `/`. */
type Sources = ReadonlyMap<string, string>;

const folders = ['src', 'layers', 'architectures', 'kernels'] as const;

/** For each folder the folders of ours that it may import. */
const mayImport: Record<string, readonly string[]> = {
  kernels: ['kernels'],
  layers: ['layers', 'kernels'],
  architectures: ['architectures', 'layers'],
  src: folders,
};

/** What everyone may import. */
const groundFloor = 'kernels/common/';

/** The rooms of kernels/wasm, kernels/webgpu and kernels/tensorflow from the ground up. */
const floors: Readonly<Record<string, number>> = {wgsl: 0, runtime: 1, primitives: 2, operations: 3, tfjs: 3};

const roomPath = /^kernels\/(wasm|webgpu|tensorflow)\/(\w+)\//;

const assembly = 'kernels/wasm/assembly/';

/** The rooms and single files of kernels/wasm/assembly from the ground up. */
const assemblyFloors: Readonly<Record<string, number>> = {
  ground: 0,
  arithmetic: 1,
  units: 2,
  threads: 3,
  kernels: 4,
  index: 5,
};

/** Most files of a folder of kernels/. */
const MOST_FILES = 20;

const backendPackage = /^(@tensorflow\/tfjs-(backend-|node)|webgpu$|@webgpu\/)/;
const forNode = /^src\/(node\.ts$|node\/|cli\/)/;
const builtin = new Set(builtinModules);

/** Every TypeScript and AssemblyScript file of these folders, the four of the library unless others are named. */
export function readSources(root: string, names: readonly string[] = folders): Map<string, string> {
  const sources = new Map<string, string>();
  for (const folder of names) {
    for (const name of readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'})) {
      if (name.endsWith('.ts')) {
        sources.set(
          posix.join(folder, name.replaceAll('\\', '/')),
          readFileSync(join(root, folder, name), 'utf8'),
        );
      }
    }
  }
  return sources;
}

/** Every import of a file, in order. */
export function importsOf(file: string, text: string): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (node: ts.Expression | undefined, more: Partial<Pick<Import, 'dynamic' | 'binds'>> = {}) => {
    if (node && ts.isStringLiteralLike(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      found.push({specifier: node.text, line, dynamic: false, ...more});
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const {moduleSpecifier, importClause} = node;
      const named = importClause?.namedBindings;
      const binds = named && ts.isNamespaceImport(named) ? 'namespace' : 'names';
      add(moduleSpecifier, {binds});
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier);
    } else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
      add(node.moduleReference.expression);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal as ts.Expression);
    } else if (ts.isCallExpression(node)) {
      const {expression} = node;
      if (expression.kind === ts.SyntaxKind.ImportKeyword) {
        add(node.arguments[0], {dynamic: true});
      } else if (ts.isIdentifier(expression) && expression.text === 'require') {
        add(node.arguments[0]);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Checks every rule on every file. */
export function checkLayering(sources: Sources): Violation[] {
  const violations: Violation[] = [];
  const edges = new Map<string, Array<{target: string; line: number}>>();
  for (const [file, text] of sources) {
    const targets: Array<{target: string; line: number}> = [];
    edges.set(file, targets);
    for (const one of importsOf(file, text)) {
      const report = (rule: Rule, message: string) => violations.push({file, line: one.line, rule, message});
      if (!one.specifier.startsWith('.')) {
        checkPackage(file, one.specifier, report);
        continue;
      }
      const target = targetOf(file, one.specifier);
      checkOwn(file, target, sources, report);
      if (!one.dynamic) {
        targets.push({target, line: one.line});
      }
    }
  }
  return [
    ...violations,
    ...wrongNames(sources),
    ...crowdedFolders(sources),
    ...doubleImports(sources),
    ...findCycles(edges),
  ];
}

/** The path of an imported file. AssemblyScript names it without an ending. */
function targetOf(file: string, specifier: string): string {
  const path = posix.join(posix.dirname(file), specifier);
  return file.startsWith(assembly) ? `${path}.ts` : path.replace(/\.js$/, '.ts');
}

/** Modules that a file imports from in two places. Names and `* as` one need an import each. */
export function doubleImports(sources: Sources): Violation[] {
  const violations: Violation[] = [];
  for (const [file, text] of sources) {
    const seen = new Set<string>();
    for (const {specifier, line, binds} of importsOf(file, text)) {
      if (!binds) continue;
      const module = specifier.startsWith('.') ? targetOf(file, specifier) : specifier;
      const key = `${binds} ${module}`;
      const message = `a file imports a module in one place; got ${module} again`;
      if (seen.has(key)) violations.push({file, line, rule: 'twice', message});
      seen.add(key);
    }
  }
  return violations;
}

/** Folders of kernels/ with too many files, one violation each, at the first file. */
function crowdedFolders(sources: Sources): Violation[] {
  const files = new Map<string, string[]>();
  for (const file of [...sources.keys()].filter((path) => path.startsWith('kernels/')).sort()) {
    const folder = posix.dirname(file);
    files.set(folder, [...(files.get(folder) ?? []), file]);
  }
  return [...files].flatMap(([folder, inside]): Violation[] => {
    if (inside.length <= MOST_FILES) return [];
    const message = `a folder of kernels/ has at most ${MOST_FILES} files; got ${inside.length} in ${folder}/`;
    return [{file: inside[0]!, line: 1, rule: 'crowded', message}];
  });
}

/** Files of a backend's operations/ that no operation has the name of. */
function wrongNames(sources: Sources): Violation[] {
  const files = [...sources.keys()];
  const inOperations = /^kernels\/(?:wasm|webgpu|tensorflow)\/operations\/(\w+)\.ts$/;
  return files.flatMap((file): Violation[] => {
    const name = inOperations.exec(file)?.[1];
    if (name === undefined || name === 'index') return [];
    const operation = `kernels/operations/${name.replace(/_grad$/, '')}.ts`;
    if (sources.has(operation)) return [];
    const message = `a file here is named after an operation; got ${file} and no ${operation}`;
    return [{file, line: 1, rule: 'names', message}];
  });
}

type Report = (rule: Rule, message: string) => void;

const folderOf = (path: string) => path.split('/', 1)[0]!;

/** An import of one of our own files. */
function checkOwn(file: string, target: string, sources: Sources, report: Report): void {
  const allowed = mayImport[folderOf(file)] ?? [];
  const onGround = file.startsWith(groundFloor);
  if (onGround && !target.startsWith(groundFloor)) {
    report('folders', `${groundFloor} may import itself alone; got ${target}`);
  } else if (!allowed.includes(folderOf(target)) && !target.startsWith(groundFloor)) {
    report(
      'folders',
      `${folderOf(file)}/ may import ${allowed.join('/, ')}/ and ${groundFloor}; got ${target}`,
    );
  } else if (!mayEnter(file, target)) {
    report(
      'rooms',
      `a room of a backend imports the rooms below it, and assembly/ itself alone; got ${target}`,
    );
  } else if (!sources.has(target)) {
    const ending = file.startsWith(assembly) ? 'have no ending' : 'end in .js';
    report('missing', `an import must ${ending} and name a source file; got ${target}`);
  }
  if (forNode.test(target) && !forNode.test(file)) {
    report('node', `only src/node* and src/cli/ may import what needs Node; got ${target}`);
  }
}

/** Whether a file may import another as far as the rooms of backends go; from outside of them all are open. */
function mayEnter(file: string, target: string): boolean {
  if (file.startsWith(assembly) || target.startsWith(assembly)) return mayEnterAssembly(file, target);
  const [, backend, room] = roomPath.exec(file) ?? [];
  if (backend === undefined) return true;
  const [, targetBackend, targetRoom] = roomPath.exec(target) ?? [];
  if (targetBackend === undefined) return !/^kernels\/(wasm|webgpu|tensorflow)\//.test(target);
  if (targetBackend !== backend) return false;
  return room === targetRoom || (floors[targetRoom!] ?? 9) < (floors[room!] ?? -1);
}

/** Whether a file may import another where one of them is in assembly/. */
function mayEnterAssembly(file: string, target: string): boolean {
  if (!file.startsWith(assembly) || !target.startsWith(assembly)) return false;
  const [room, targetRoom] = [file, target].map((path) => path.slice(assembly.length).replace(/[/.].*/, ''));
  return room === targetRoom || (assemblyFloors[targetRoom!] ?? 9) < (assemblyFloors[room!] ?? -1);
}

/** An import of a package or of a module of Node's. */
function checkPackage(file: string, specifier: string, report: Report): void {
  if (file.startsWith(assembly)) {
    report('rooms', `${assembly} imports no package; got ${specifier}`);
    return;
  }
  if ((specifier.startsWith('node:') || builtin.has(specifier)) && !forNode.test(file)) {
    report('node', `only src/node* and src/cli/ may import Node's modules; got ${specifier}`);
  }
  if (specifier === 'tfjs-swint' || specifier.startsWith('tfjs-swint/')) {
    report('folders', `our own files are imported by path; got ${specifier}`);
  }
  if (file.startsWith('kernels/geometry/') && specifier.startsWith('@tensorflow/')) {
    report('geometry', `geometry is integer arithmetic without tf; got ${specifier}`);
  }
  if (backendPackage.test(specifier) && !/^(src|kernels\/(wasm|webgpu))\//.test(file)) {
    report(
      'backend',
      `only kernels/wasm/ and kernels/webgpu/ may import a backend's package; got ${specifier}`,
    );
  }
  if (specifier === '@tensorflow/tfjs' || specifier.startsWith('@tensorflow/tfjs/')) {
    report('tf', `tf is @tensorflow/tfjs-core and -layers, the peer dependencies; got ${specifier}`);
  }
  if (/chained_ops|register_all_chained/.test(specifier)) {
    report(
      'tf',
      `operations are called as functions, chained ones are not there for everyone; got ${specifier}`,
    );
  }
}

/** One violation per import that closes a cycle in a depth-first walk; its message shows the cycle. */
function findCycles(edges: ReadonlyMap<string, ReadonlyArray<{target: string; line: number}>>): Violation[] {
  const violations: Violation[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    path.push(file);
    for (const {target, line} of edges.get(file) ?? []) {
      const start = path.indexOf(target);
      if (start >= 0) {
        const cycle = [...path.slice(start), target].join(' -> ');
        violations.push({file, line, rule: 'cycle', message: `imports form no cycles; got ${cycle}`});
      } else if (!done.has(target)) {
        walk(target);
      }
    }
    path.pop();
    done.add(file);
  };
  for (const file of edges.keys()) {
    if (!done.has(file)) {
      walk(file);
    }
  }
  return violations;
}
