/**
 * Peak memory of a forward and backward pass on wasm: how far tfjs's heap grows, scratch memory of the kernels included.
 * A heap never shrinks, so each alternative runs in a process of its own.
 */
import {execFileSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';

export interface Memory {
  what: string;
  /** Bytes of the heap. */
  ours: number;
  stock: number;
}

export function benchMemory(): Memory {
  const program = fileURLToPath(new URL('memory_of.ts', import.meta.url));
  const measure = (kernels: string) =>
    Number(
      execFileSync(process.execPath, ['--import', 'tsx', program, kernels], {encoding: 'utf8'})
        .trim()
        .split('\n')
        .pop(),
    );
  const memory = {
    what: 'pair 56x56x96, batch 8, forward and backward: heap',
    ours: measure('swint'),
    stock: measure('tfjs'),
  };
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  console.log(
    `\nPeak memory\n${memory.what}\n    ours ${megabytes(memory.ours)}, stock ${megabytes(memory.stock)}, ` +
      `${(memory.stock / memory.ours).toFixed(2)}x`,
  );
  return memory;
}
