/**
 * Tensors as they stand in a pickle of torch.save, and the only names that such a pickle may hold.
 *
 *   storage    persistent id ('storage', torch.FloatStorage, key, device, elements): bytes in data/KEY of the zip
 *   tensor     torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...): a view of a storage, in elements
 *   parameter  torch._utils._rebuild_parameter(tensor, ...)
 *
 * Element [i, j, ..] of a tensor is element offset + i stride0 + j stride1 + .. of its storage.
 *
 * Source: pytorch/pytorch, torch/serialization.py and torch/_utils.py.
 */

import {DTYPE_BITS} from './dtypes.js';
import {isSize} from './is_size.js';
import type {MemoryBudget} from './memory_budget.js';
import {MEMORY, PickleFunction, type PickleRules, Placeholder} from './pickle_machine.js';

/** The elements that tensors are views of. */
export interface TorchStorage {
  /** Its file inside the zip: data/KEY. */
  key: string;
  dtype: string;
  elements: number;
}

export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  get elements(): number {
    return this.shape.reduce((a, b) => a * b, 1);
  }

  /** How many elements of the storage there are from the first to the last of this tensor. */
  get span(): number {
    if (this.elements === 0) return 0;
    return 1 + this.shape.reduce((sum, size, axis) => sum + (size - 1) * this.strides[axis], 0);
  }
}

/** A class of storages: what a persistent id names. */
class StorageType {
  constructor(readonly dtype: string) {}
}

const STORAGE_TYPES: Readonly<Record<string, string>> = {
  ...{FloatStorage: 'F32', HalfStorage: 'F16', BFloat16Storage: 'BF16', DoubleStorage: 'F64'},
  ...{LongStorage: 'I64', IntStorage: 'I32', ShortStorage: 'I16', CharStorage: 'I8', ByteStorage: 'U8'},
  ...{BoolStorage: 'BOOL', ComplexFloatStorage: 'C64'},
};

const MOST_AXES = 32;

/** Of a storage, its place in a table and the name of its file, in V8. */
const STORAGE_MEMORY = 160;

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MOST_AXES && value.every(isSize);

/** torch counts them: 0, 1, .. */
const isKey = (value: unknown): value is string => typeof value === 'string' && value.length <= 64;

/** A name as it is printed: short. */
const shown = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

/**
 * What the names in a pickle of torch.save mean.
 *
 * @param storageBytes Bytes of data/KEY in the zip, undefined where there is none.
 * @param memory What may be taken by what is made of the pickle.
 */
export function torchRules(
  fail: PickleRules['fail'],
  storageBytes: (key: string) => number | undefined,
  memory: MemoryBudget,
): PickleRules {
  // A storage may be named again and again, and each time looking it up would build the name of its file.
  const storages = new Map<string, TorchStorage>();

  const persistent = (id: unknown): TorchStorage => {
    const parts: unknown[] = Array.isArray(id) ? id : [];
    const kind = parts[0];
    const type = parts[1];
    const key = parts[2];
    const elements = parts[4];
    if (type instanceof Placeholder) throw fail('a storage must be of a known type', type.className);
    if (kind !== 'storage' || !(type instanceof StorageType) || !isKey(key) || !isSize(elements)) {
      throw fail('a storage must have a type, a key and a number of elements', 'others');
    }
    const {dtype} = type;
    const known = storages.get(key);
    if (known !== undefined && known.dtype === dtype && known.elements === elements) return known;
    memory.take(STORAGE_MEMORY);
    const storage = {key, dtype, elements};
    const bytes = storageBytes(key);
    if (bytes !== (storage.elements * DTYPE_BITS[dtype]) / 8) {
      throw fail(
        `data/${shown(storage.key)} must hold ${storage.elements} elements of ${dtype}`,
        `${bytes} bytes`,
      );
    }
    storages.set(key, storage);
    return storage;
  };

  const tensor = ([storage, offset, shape, strides]: unknown[]): TorchTensor => {
    const isStorage = typeof storage === 'object' && storage !== null && 'elements' in storage;
    if (
      !isStorage ||
      !isSize(offset) ||
      !isSizes(shape) ||
      !isSizes(strides) ||
      shape.length !== strides.length
    ) {
      throw fail('a tensor must have a storage, an offset, sizes and strides', 'others');
    }
    const made = new TorchTensor(storage as TorchStorage, offset, shape, strides);
    const end = offset + made.span;
    if (!isSize(made.elements) || !isSize(end) || end > made.storage.elements) {
      throw fail(
        `a tensor must lie within the ${made.storage.elements} elements of its storage`,
        `[${shape}]`,
      );
    }
    return made;
  };

  const parameter = ([data]: unknown[]): TorchTensor => {
    if (data instanceof TorchTensor) return data;
    throw fail('a parameter must be a tensor', typeof data);
  };

  const sizes = ([list]: unknown[]): number[] => {
    if (isSizes(list)) return list;
    throw fail('torch.Size must be sizes', typeof list);
  };

  const dictionary = (args: unknown[]): Map<unknown, unknown> => {
    if (args.length === 0) return new Map();
    throw fail('an OrderedDict must begin empty', `${args.length} arguments`);
  };

  const known = new Map<string, unknown>([
    ['collections.OrderedDict', new PickleFunction(dictionary, MEMORY.dict)],
    ['torch.Size', new PickleFunction(sizes)],
    ['torch._utils._rebuild_tensor_v2', new PickleFunction(tensor)],
    ['torch._utils._rebuild_parameter', new PickleFunction(parameter)],
    ...Object.entries(STORAGE_TYPES).map(
      ([name, dtype]) => [`torch.${name}`, new StorageType(dtype)] as const,
    ),
  ]);

  // One for each class, whatever a file makes of it.
  const placeholders = new Map<string, Placeholder>();

  const global = (module: string, name: string): unknown => {
    const full = `${module}.${name}`;
    const found = known.get(full) ?? placeholders.get(full) ?? new Placeholder(shown(full));
    if (found instanceof Placeholder) placeholders.set(full, found);
    return found;
  };

  return {global, persistent, take: (bytes) => memory.take(bytes), fail};
}
