/** Values by name in the browser's own database, and the checkpoints of trainings in it. */
import {CheckpointError} from 'tfjs-swint/worker';

const DATABASE = 'swint-pages';
const TABLE = 'values';

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= (() => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
    return settled(opening);
  })();
  return opened;
}

/** Does one thing with the table, and waits until it is on the disk. */
async function withTable<T>(
  mode: IDBTransactionMode,
  use: (table: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const transaction = (await database()).transaction(TABLE, mode);
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  const [value] = await Promise.all([settled(use(transaction.objectStore(TABLE))), done]);
  return value;
}

/** The value of this name, undefined where there is none. */
export async function readValue<T>(name: string): Promise<T | undefined> {
  return withTable<T | undefined>('readonly', (table) => table.get(name));
}

export async function writeValue(name: string, value: unknown): Promise<void> {
  await withTable('readwrite', (table) => table.put(value, name));
}

/** Removes all values whose names begin like this. */
export async function removeValues(prefix: string): Promise<void> {
  await withTable('readwrite', (table) => table.delete(rangeOf(prefix)));
}

const rangeOf = (prefix: string) => IDBKeyRange.bound(prefix, `${prefix}\uffff`);

/** A place for the checkpoints of one training, a CheckpointStore: values whose names begin with `prefix`. */
export function checkpointStore(prefix: string) {
  const checked = async <T>(what: string, promise: Promise<T>): Promise<T> => {
    try {
      return await promise;
    } catch (cause) {
      throw new CheckpointError(
        `${prefix}: the browser's database must ${what}; ${(cause as Error).message}.`,
        {
          cause,
        },
      );
    }
  };
  return {
    name: prefix,
    list: async () => {
      const keys = await checked(
        'be readable',
        withTable('readonly', (table) => table.getAllKeys(rangeOf(prefix))),
      );
      return keys.map((key) => String(key).slice(prefix.length));
    },
    read: async (name: string) => {
      const bytes = await checked('be readable', readValue<Uint8Array>(prefix + name));
      if (bytes) return bytes;
      throw new CheckpointError(`${prefix}: the browser's database must hold ${name}; it does not.`);
    },
    write: (name: string, bytes: Uint8Array) =>
      checked('take a checkpoint', writeValue(prefix + name, bytes)),
    remove: (name: string) =>
      checked(
        'be writable',
        withTable('readwrite', (table) => table.delete(prefix + name)),
      ),
  };
}
