/**
 * Reads a Python pickle of protocol 2 to 4 and builds nothing but data: what a global or a persistent id becomes is
 * decided by the caller, and no code of the file is ever run.
 *
 *   Python          here
 *   None, bool      null, boolean
 *   int, float      number, an int beyond 2^53 rounded
 *   str, bytes      string, Uint8Array
 *   tuple, list     array
 *   dict            Map
 *
 * A pickle is a program for a stack machine, one opcode after the other. Opcodes that data does not need are refused, and
 * so is a program that is longer than any checkpoint's: time and memory are bounded whatever the bytes say.
 *
 * Source: Python's Lib/pickletools.py, which describes every opcode.
 */
import {PickleBytes} from './pickle_bytes.js';

/** What the caller makes of names and ids in the file. Each throws what it refuses. */
export interface PickleRules {
  /** `module.name`, for example a class. */
  global(module: string, name: string): unknown;
  /** The object behind an id, for example a tensor's storage. */
  persistent(id: unknown): unknown;
  /** The error for a pickle that cannot be read. */
  fail(rule: string, got: string): Error;
}

/** A global that may be called, with the arguments from the file. */
export class PickleFunction {
  constructor(readonly call: (args: unknown[]) => unknown) {}
}

/** Opcodes of a program; a state dict of a thousand tensors with its optimizer has about 100,000. */
const MOST_OPCODES = 300_000;

const STOP = 0x2e;

/**
 * The value of a pickle.
 *
 * @throws What `rules` make of a damaged, unknown or over-long program.
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules): unknown {
  const machine = new Machine(bytes, rules);
  for (let count = 0; count < MOST_OPCODES; count++) {
    const opcode = machine.bytes.uint8();
    if (opcode === STOP) return machine.result();
    const step = OPCODES.get(opcode);
    if (!step) {
      const hex = opcode.toString(16).padStart(2, '0');
      throw rules.fail('a pickle must be of protocol 2 to 4 and hold data only', `opcode 0x${hex}`);
    }
    step(machine);
  }
  throw rules.fail(`a pickle must have at most ${MOST_OPCODES} opcodes`, 'more');
}

/** The stack machine's state and what opcodes do to it. */
class Machine {
  readonly bytes: PickleBytes;
  readonly memo = new Map<number, unknown>();
  private stack: unknown[] = [];
  /** The stacks below each mark. */
  private readonly below: unknown[][] = [];

  constructor(
    bytes: Uint8Array,
    readonly rules: PickleRules,
  ) {
    this.bytes = new PickleBytes(bytes, () =>
      this.fail('a pickle must end with an opcode that says so', 'none'),
    );
  }

  fail(rule: string, got: string): Error {
    return this.rules.fail(rule, got);
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  top(): unknown {
    if (this.stack.length === 0) throw this.fail('the stack must hold what an opcode takes', 'nothing');
    return this.stack[this.stack.length - 1];
  }

  pop(): unknown {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  mark(): void {
    this.below.push(this.stack);
    this.stack = [];
  }

  /** What was put on the stack since the last mark. */
  marked(): unknown[] {
    const items = this.stack;
    const stack = this.below.pop();
    if (!stack) throw this.fail('there must be a mark where one is taken', 'none');
    this.stack = stack;
    return items;
  }

  /** Makes one tuple of the values on top. */
  tuple(size: number): void {
    if (this.stack.length < size) throw this.fail('the stack must hold what an opcode takes', 'less');
    this.push(this.stack.splice(-size));
  }

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.fail('what is recalled must have been remembered', `${index}`);
    this.push(this.memo.get(index));
  }

  append(items: unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.fail('what is appended to must be a list', typeof list);
    for (const item of items) list.push(item);
  }

  /** Keys and values in turn, into the dict on top. */
  setItems(items: unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.fail('what has items must be a dict', typeof dict);
    if (items.length % 2 !== 0) throw this.fail('every key of a dict must have a value', 'one without');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  /** Calls a function of the caller's. */
  reduce(): void {
    const [args, called] = [this.pop(), this.pop()];
    if (!(called instanceof PickleFunction) || !Array.isArray(args)) {
      throw this.fail('what is called must be a function that is allowed', typeof called);
    }
    this.push(called.call(args));
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.fail('a global must have a name', 'none');
    this.push(this.rules.global(module, name));
  }

  /** The value that is left at the end. */
  result(): unknown {
    const value = this.pop();
    if (this.stack.length > 0 || this.below.length > 0) throw this.fail('one value must be left', 'several');
    return value;
  }
}

/** What each opcode does, called as in pickletools. */
const OPCODES: ReadonlyMap<number, (machine: Machine) => void> = new Map([
  ...numbersAndStrings(),
  ...containers(),
  ...objects(),
]);

type Step = [number, (machine: Machine) => void];

function numbersAndStrings(): Step[] {
  return [
    [0x4e /* NONE */, (m) => m.push(null)],
    [0x88 /* NEWTRUE */, (m) => m.push(true)],
    [0x89 /* NEWFALSE */, (m) => m.push(false)],
    [0x4a /* BININT */, (m) => m.push(m.bytes.int32())],
    [0x4b /* BININT1 */, (m) => m.push(m.bytes.uint8())],
    [0x4d /* BININT2 */, (m) => m.push(m.bytes.uint16())],
    [0x8a /* LONG1 */, (m) => m.push(m.bytes.integer(m.bytes.uint8()))],
    [0x8b /* LONG4 */, (m) => m.push(m.bytes.integer(m.bytes.uint32()))],
    [0x47 /* BINFLOAT */, (m) => m.push(m.bytes.float64())],
    [0x8c /* SHORT_BINUNICODE */, (m) => m.push(m.bytes.text(m.bytes.uint8()))],
    [0x58 /* BINUNICODE */, (m) => m.push(m.bytes.text(m.bytes.uint32()))],
    [0x8d /* BINUNICODE8 */, (m) => m.push(m.bytes.text(m.bytes.uint64()))],
    [0x55 /* SHORT_BINSTRING */, (m) => m.push(m.bytes.text(m.bytes.uint8()))],
    [0x54 /* BINSTRING */, (m) => m.push(m.bytes.text(m.bytes.uint32()))],
    [0x43 /* SHORT_BINBYTES */, (m) => m.push(m.bytes.raw(m.bytes.uint8()))],
    [0x42 /* BINBYTES */, (m) => m.push(m.bytes.raw(m.bytes.uint32()))],
    [0x8e /* BINBYTES8 */, (m) => m.push(m.bytes.raw(m.bytes.uint64()))],
  ];
}

function containers(): Step[] {
  return [
    [0x28 /* MARK */, (m) => m.mark()],
    [0x29 /* EMPTY_TUPLE */, (m) => m.push([])],
    [0x85 /* TUPLE1 */, (m) => m.tuple(1)],
    [0x86 /* TUPLE2 */, (m) => m.tuple(2)],
    [0x87 /* TUPLE3 */, (m) => m.tuple(3)],
    [0x74 /* TUPLE */, (m) => pushList(m)],
    [0x5d /* EMPTY_LIST */, (m) => m.push([])],
    [0x6c /* LIST */, (m) => pushList(m)],
    [0x61 /* APPEND */, (m) => m.append([m.pop()])],
    [0x65 /* APPENDS */, (m) => m.append(m.marked())],
    [0x7d /* EMPTY_DICT */, (m) => m.push(new Map())],
    [0x64 /* DICT */, (m) => pushDict(m)],
    [0x73 /* SETITEM */, (m) => m.setItems([m.pop(), m.pop()].reverse())],
    [0x75 /* SETITEMS */, (m) => m.setItems(m.marked())],
  ];
}

/** Items are taken off before anything is put on: the stack is another one then. */
function pushList(machine: Machine): void {
  const items = machine.marked();
  machine.push(items);
}

function pushDict(machine: Machine): void {
  const items = machine.marked();
  machine.push(new Map());
  machine.setItems(items);
}

function objects(): Step[] {
  return [
    [0x80 /* PROTO */, (m) => checkProtocol(m, m.bytes.uint8())],
    [0x95 /* FRAME */, (m) => void m.bytes.skip(8)],
    [0x71 /* BINPUT */, (m) => void m.memo.set(m.bytes.uint8(), m.top())],
    [0x72 /* LONG_BINPUT */, (m) => void m.memo.set(m.bytes.uint32(), m.top())],
    [0x94 /* MEMOIZE */, (m) => void m.memo.set(m.memo.size, m.top())],
    [0x68 /* BINGET */, (m) => m.recall(m.bytes.uint8())],
    [0x6a /* LONG_BINGET */, (m) => m.recall(m.bytes.uint32())],
    [0x63 /* GLOBAL */, (m) => m.global(m.bytes.line(), m.bytes.line())],
    [0x93 /* STACK_GLOBAL */, stackGlobal],
    [0x52 /* REDUCE */, (m) => m.reduce()],
    [0x62 /* BUILD */, build],
    [0x51 /* BINPERSID */, (m) => m.push(m.rules.persistent(m.pop()))],
    [0x30 /* POP */, (m) => void m.pop()],
    [0x31 /* POP_MARK */, (m) => void m.marked()],
    [0x32 /* DUP */, (m) => m.push(m.top())],
  ];
}

function checkProtocol(machine: Machine, protocol: number): void {
  if (protocol >= 2 && protocol <= 4) return;
  throw machine.fail('the protocol of a pickle must be 2, 3 or 4', `${protocol}`);
}

function stackGlobal(machine: Machine): void {
  const [name, module] = [machine.pop(), machine.pop()];
  machine.global(module, name);
}

/** Attributes of a dict, such as the versions of modules in a state dict: nothing that is data. */
function build(machine: Machine): void {
  machine.pop();
  if (!(machine.top() instanceof Map))
    throw machine.fail('only a dict may have attributes', typeof machine.top());
}
