/**
 * Reads a Python pickle of protocol 2 to 5 and builds nothing but data: what a global or a persistent id becomes is
 * decided by the caller, and no code of the file is ever run.
 *
 *   Python          here
 *   None, bool      null, boolean
 *   int, float      number, an int beyond 2^53 rounded
 *   str, bytes      string, Uint8Array; a str of more than 64 KB stays bytes
 *   tuple, list     array
 *   dict            Map
 *   set             array
 *   other objects   Placeholder, where the caller's rules allow it: inert, one for each class
 *
 * A pickle is a program for a stack machine, one opcode after the other. Opcodes that data does not need are refused, and
 * so is a program that is longer than any checkpoint's, and one that makes more than the caller's rules let it take: time and
 * memory are bounded whatever the bytes say.
 *
 * Source: Python's Lib/pickletools.py, which describes every opcode.
 */
import {MEMORY, PickleMachine, type PickleRules, Placeholder} from './pickle_machine.js';

/** Opcodes of a program; a state dict of a thousand tensors with its optimizer has about 100,000. */
const MOST_OPCODES = 300_000;

const STOP = 0x2e;

/**
 * The value of a pickle.
 *
 * @throws What `rules` make of a damaged, unknown or over-long program.
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules): unknown {
  const machine = new PickleMachine(bytes, rules);
  for (let count = 0; count < MOST_OPCODES; count++) {
    const opcode = machine.bytes.uint8();
    if (opcode === STOP) return machine.result();
    const step = OPCODES.get(opcode);
    if (!step) {
      const hex = opcode.toString(16).padStart(2, '0');
      throw rules.fail('a pickle must be of protocol 2 to 5 and hold data only', `opcode 0x${hex}`);
    }
    step(machine);
  }
  throw rules.fail(`a pickle must have at most ${MOST_OPCODES} opcodes`, 'more');
}

/** What each opcode does, called as in pickletools. */
const OPCODES: ReadonlyMap<number, (machine: PickleMachine) => void> = new Map([
  ...numbersAndStrings(),
  ...containers(),
  ...objects(),
]);

type Step = [number, (machine: PickleMachine) => void];

function numbersAndStrings(): Step[] {
  const {number} = MEMORY;
  return [
    [0x4e /* NONE */, (m) => m.push(null)],
    [0x88 /* NEWTRUE */, (m) => m.push(true)],
    [0x89 /* NEWFALSE */, (m) => m.push(false)],
    [0x4a /* BININT */, (m) => pushInteger(m, m.bytes.int32())],
    [0x4b /* BININT1 */, (m) => m.push(m.bytes.uint8())],
    [0x4d /* BININT2 */, (m) => m.push(m.bytes.uint16())],
    [0x8a /* LONG1 */, (m) => m.push(m.bytes.integer(m.bytes.uint8()), number)],
    [0x8b /* LONG4 */, (m) => m.push(m.bytes.integer(m.bytes.uint32()), number)],
    [0x47 /* BINFLOAT */, (m) => m.push(m.bytes.float64(), number)],
    [0x8c /* SHORT_BINUNICODE */, (m) => m.pushText(m.bytes.uint8())],
    [0x58 /* BINUNICODE */, (m) => m.pushText(m.bytes.uint32())],
    [0x8d /* BINUNICODE8 */, (m) => m.pushText(m.bytes.uint64())],
    [0x55 /* SHORT_BINSTRING */, (m) => m.pushText(m.bytes.uint8())],
    [0x54 /* BINSTRING */, (m) => m.pushText(m.bytes.uint32())],
    [0x43 /* SHORT_BINBYTES */, (m) => m.pushBytes(m.bytes.uint8())],
    [0x42 /* BINBYTES */, (m) => m.pushBytes(m.bytes.uint32())],
    [0x96 /* BYTEARRAY8 */, (m) => m.pushBytes(m.bytes.uint64())],
    [0x8e /* BINBYTES8 */, (m) => m.pushBytes(m.bytes.uint64())],
  ];
}

function containers(): Step[] {
  return [
    [0x28 /* MARK */, (m) => m.mark()],
    [0x29 /* EMPTY_TUPLE */, (m) => m.pushList()],
    [0x85 /* TUPLE1 */, (m) => m.tuple(1)],
    [0x86 /* TUPLE2 */, (m) => m.tuple(2)],
    [0x87 /* TUPLE3 */, (m) => m.tuple(3)],
    [0x74 /* TUPLE */, (m) => m.markedTuple()],
    [0x5d /* EMPTY_LIST */, (m) => m.pushList()],
    [0x6c /* LIST */, (m) => m.markedTuple()],
    [0x61 /* APPEND */, (m) => m.append(1)],
    [0x65 /* APPENDS */, (m) => m.appendMarked()],
    [0x7d /* EMPTY_DICT */, (m) => m.pushDict()],
    [0x8f /* EMPTY_SET */, (m) => m.pushList()],
    [0x90 /* ADDITEMS */, (m) => m.appendMarked()],
    [0x91 /* FROZENSET */, (m) => m.markedTuple()],
    [0x64 /* DICT */, (m) => m.markedDict()],
    [0x73 /* SETITEM */, (m) => m.setItems(2)],
    [0x75 /* SETITEMS */, (m) => m.setMarkedItems()],
  ];
}

function objects(): Step[] {
  return [
    [0x80 /* PROTO */, (m) => checkProtocol(m, m.bytes.uint8())],
    [0x95 /* FRAME */, (m) => void m.bytes.skip(8)],
    [0x71 /* BINPUT */, (m) => m.remember(m.bytes.uint8())],
    [0x72 /* LONG_BINPUT */, (m) => m.remember(m.bytes.uint32())],
    [0x94 /* MEMOIZE */, (m) => m.rememberNext()],
    [0x68 /* BINGET */, (m) => m.recall(m.bytes.uint8())],
    [0x6a /* LONG_BINGET */, (m) => m.recall(m.bytes.uint32())],
    [0x63 /* GLOBAL */, (m) => m.globalLines()],
    [0x93 /* STACK_GLOBAL */, stackGlobal],
    [0x52 /* REDUCE */, (m) => m.reduce()],
    [0x81 /* NEWOBJ */, (m) => m.newObject(0x81, 1)],
    [0x92 /* NEWOBJ_EX */, (m) => m.newObject(0x92, 2)],
    [0x62 /* BUILD */, build],
    [0x51 /* BINPERSID */, (m) => m.persistent()],
    [0x30 /* POP */, (m) => void m.pop()],
    [0x31 /* POP_MARK */, (m) => m.dropMarked()],
    [0x32 /* DUP */, (m) => m.push(m.top())],
  ];
}

/** V8 keeps small integers in the place itself. */
function pushInteger(machine: PickleMachine, value: number): void {
  machine.push(value, Math.abs(value) < 2 ** 30 ? 0 : MEMORY.number);
}

function checkProtocol(machine: PickleMachine, protocol: number): void {
  if (protocol >= 2 && protocol <= 5) return;
  throw machine.fail('the protocol of a pickle must be 2, 3, 4 or 5', `${protocol}`);
}

function stackGlobal(machine: PickleMachine): void {
  const [name, module] = [machine.pop(), machine.pop()];
  machine.global(module, name);
}

/** Attributes of a dict, such as the versions of modules in a state dict: nothing that is data. */
function build(machine: PickleMachine): void {
  machine.pop();
  if (!(machine.top() instanceof Map || machine.top() instanceof Placeholder))
    throw machine.fail('only a dict may have attributes', typeof machine.top());
}
