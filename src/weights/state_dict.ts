/**
 * The state dict in an object of torch.save: the dict itself where it holds tensors, or the first of the names below that
 * does, as training scripts save it. `module.`, which DataParallel puts before every name, is taken off.
 */
import {CheckpointError} from '../errors.js';
import {Placeholder} from './pickle_machine.js';
import {TorchTensor} from './torch_tensors.js';

/** What training scripts call it; the weights that were trained before their running average. */
const NAMES = [
  ...['model', 'state_dict', 'model_state_dict', 'net', 'network', 'module'],
  ...['model_ema', 'state_dict_ema', 'ema'],
];

const PREFIX = 'module.';

/** The entries of a dict that are tensors under a name. */
function tensorsOf(value: unknown): Map<string, TorchTensor> {
  const found = new Map<string, TorchTensor>();
  if (!(value instanceof Map)) return found;
  for (const [name, tensor] of value) {
    if (typeof name === 'string' && tensor instanceof TorchTensor) found.set(name, tensor);
  }
  return found;
}

/**
 * @param object What the file holds.
 * @throws CheckpointError where there is no dict of tensors.
 */
export function stateDictOf(file: string, object: unknown): Map<string, TorchTensor> {
  const held = object instanceof Map ? object : new Map();
  const candidates = [object, ...NAMES.map((name) => held.get(name))].map(tensorsOf);
  const state = candidates.find(({size}) => size > 0);
  if (!state) {
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
  return new Map([...state].map(([name, tensor]) => [name.slice(PREFIX.length), tensor]));
}
