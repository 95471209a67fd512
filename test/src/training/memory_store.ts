/** Checkpoints in memory, for tests. */
import type {CheckpointStore} from '../../../src/training/checkpoint_store.js';

export interface MemoryStore extends CheckpointStore {
  files: Map<string, Uint8Array>;
}

export function memoryStore(files = new Map<string, Uint8Array>()): MemoryStore {
  return {
    name: 'memory',
    files,
    list: async () => [...files.keys()],
    read: async (name) => files.get(name)!.slice(),
    write: async (name, bytes) => {
      files.set(name, bytes.slice());
    },
    remove: async (name) => {
      files.delete(name);
    },
  };
}

/** The newest checkpoint's name. */
export const newest = ({files}: MemoryStore): string => [...files.keys()].sort().at(-1)!;
