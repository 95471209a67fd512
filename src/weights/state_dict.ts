/**
 * The state dict in an object of torch.save: the dict itself where it holds tensors, or the first of the names below that
 * does, as training scripts save it. `module.`, which DataParallel puts before every name, is taken off.
 */
import {CheckpointError} from '../errors.js';
import type {MemoryBudget} from './memory_budget.js';
import {Placeholder} from './pickle_machine.js';
import {TorchTensor} from './torch_tensors.js';

/** What training scripts call it; the weights that were trained before their running average. */
const NAMES = [
  ...['model', 'state_dict', 'model_state_dict', 'net', 'network', 'module'],
  ...['model_ema', 'state_dict_ema', 'ema'],
];

const PREFIX = 'module.';

/** Of a tensor's place in a table, in V8. */
const ENTRY_MEMORY = 56;

/** The entries of a dict that are tensors under a name. */
function tensorsOf(value: unknown, memory: MemoryBudget): Map<string, TorchTensor> {
  const found = new Map<string, TorchTensor>();
  if (!(value instanceof Map)) return found;
  for (const [name, tensor] of value) {
    if (typeof name !== 'string' || !(tensor instanceof TorchTensor)) continue;
    memory.take(ENTRY_MEMORY);
    found.set(name, tensor);
  }
  return found;
}

/**
 * @param object What the file holds.
 * @param memory What may be taken by the tables that are made.
 * @throws CheckpointError where there is no dict of tensors.
 */
export function stateDictOf(file: string, object: unknown, memory: MemoryBudget): Map<string, TorchTensor> {
  const held = object instanceof Map ? object : new Map();
  let state = tensorsOf(object, memory);
  for (const name of NAMES) if (state.size === 0) state = tensorsOf(held.get(name), memory);
  if (state.size === 0) {
    const keys = [...held.keys()].filter((key) => typeof key === 'string').slice(0, 4);
    const other = object instanceof Placeholder ? object.className : 'no dict';
    const got = object instanceof Map ? `a dict of ${keys.join(', ') || 'nothing'}` : other;
    throw new CheckpointError(
      `${file}: the file must hold a state dict, itself or under ${NAMES.join(', ')}; got ${got.slice(0, 200)} ` +
        '(save the state dict alone: torch.save(model.state_dict(), path)).',
    );
  }
  const names = [...state.keys()];
  if (!names.every((name) => name.startsWith(PREFIX))) return state;
  memory.take(2 * ENTRY_MEMORY * state.size);
  return new Map([...state].map(([name, tensor]) => [name.slice(PREFIX.length), tensor]));
}
