/**
 * Files of torch.save (.pth, .pt, .bin): the state dict in them, read lazily.
 *
 *   a zip of stored files, in one folder:
 *     data.pkl    pickle of the object: a dict of tensors, or one that holds such a dict beside other things
 *     data/KEY    bytes of the storages, little-endian
 *     byteorder   'little' or 'big', in files of newer versions
 *
 * The state dict is the object itself, or what stands under one of the names below; everything else in the file (an
 * optimizer's state, the epoch) is passed over. Nothing of the file is ever run: see pickle.ts and torch_tensors.ts.
 *
 * Source: pytorch/pytorch, torch/serialization.py.
 */
import {CheckpointError} from '../errors.js';
import {stridedCopy} from './axes.js';
import type {ByteSource} from './byte_source.js';
import type {Checkpoint, TensorEntry} from './checkpoint.js';
import {DTYPE_BITS, float32Values} from './dtypes.js';
import {MemoryBudget} from './memory_budget.js';
import {unpickle} from './pickle.js';
import {stateDictOf} from './state_dict.js';
import {type TorchTensor, torchRules} from './torch_tensors.js';
import {ZipDirectory} from './zip_directory.js';

/** Far more than the pickle of a checkpoint has. */
const MOST_PICKLE_BYTES = 64 * 2 ** 20;

/** Of what a checkpoint says of a tensor, in V8: its type and shape, and its place in a table. */
const TENSOR_MEMORY = 120;

/** @throws CheckpointError naming the file, the rule and what came. */
export function openTorchCheckpoint(source: ByteSource): Checkpoint {
  const fail = (rule: string, got: string) =>
    new CheckpointError(
      `${source.name}: ${rule}; got ${got} (the file is damaged, or no file of torch.save).`,
    );
  const memory = new MemoryBudget(source.size, fail);
  const zip = new ZipDirectory(source, memory);
  const pickles = [...zip.entries.values()].filter(({name}) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw fail('a file of torch.save must have one data.pkl', `${pickles.length}`);
  const [pickle] = pickles;
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const order = zip.entries.get(`${folder}byteorder`);
  if (order && String.fromCharCode(...zip.read(order, 0, Math.min(order.size, 6))) !== 'little') {
    throw fail('the byte order must be little', 'another');
  }
  if (pickle.size > MOST_PICKLE_BYTES) {
    throw fail(`data.pkl must have at most ${MOST_PICKLE_BYTES} bytes`, `${pickle.size}`);
  }
  memory.take(pickle.size);
  const rules = torchRules(fail, (key) => zip.entries.get(`${folder}data/${key}`)?.size, memory);
  const state = stateDictOf(source.name, unpickle(zip.read(pickle), rules), memory);
  memory.take(TENSOR_MEMORY * state.size);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, {storage, shape}] of state) tensors.set(name, {dtype: storage.dtype, shape});

  const read = (name: string, {storage, offset, shape, strides, elements, span}: TorchTensor) => {
    const {key, dtype} = storage;
    if (elements > storage.elements) {
      throw fail(`${name} must have no more elements than its storage, ${storage.elements}`, `${elements}`);
    }
    const entry = zip.entries.get(`${folder}data/${key}`);
    if (!entry) throw fail(`there must be data/${key}`, 'none');
    const bytes = DTYPE_BITS[dtype] / 8;
    const raw = zip.read(entry, offset * bytes, span * bytes);
    const values = float32Values(`${source.name}: ${name}`, dtype, raw);
    return isRowMajor(shape, strides) ? values : stridedCopy(values, shape, strides);
  };

  return {
    name: source.name,
    format: 'torch',
    tensors,
    values(name) {
      const tensor = state.get(name);
      if (!tensor)
        throw new CheckpointError(`${source.name}: there must be a tensor ${name}; there is none.`);
      return read(name, tensor);
    },
  };
}

/** Whether the elements lie one after the other, the last axis innermost. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis];
  }
  return true;
}
