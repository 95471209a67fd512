/**
 * The stack machine that a Python pickle is a program for: its stack, its marks, its memo, and what opcodes do to them. What
 * is called, and what a name or an id means, is the caller's.
 *
 * The caller is told what each value takes before it is made (memory_budget.ts): a few bytes of a pickle can make a dict, or
 * put a text into a table again and again.
 */
import {PickleBytes, SHORT_TEXT} from './pickle_bytes.js';

/** What the caller makes of names and ids in the file. Each throws what it refuses. */
export interface PickleRules {
  /** `module.name`, for example a class. */
  global(module: string, name: string): unknown;
  /** The object behind an id, for example a tensor's storage. */
  persistent(id: unknown): unknown;
  /** Is told of the bytes of memory that the next value takes; throws where they are too many. */
  take(bytes: number): void;
  /** The error for a pickle that cannot be read. */
  fail(rule: string, got: string): Error;
}

/** Bytes of memory. Arrays and tables grow by half or double: an item counts more than once. */
export const MEMORY = {
  ...{slot: 24, number: 16, text: 32, decoded: 96, view: 128, list: 32, firstItem: 152, item: 24, tuple: 56},
  ...{tupleItem: 8, dict: 208, entry: 64, object: 64, name: 224},
};

/** A global that may be called, with the arguments from the file. */
export class PickleFunction {
  /** @param bytes Memory that what it returns takes. */
  constructor(
    readonly call: (args: unknown[]) => unknown,
    readonly bytes = MEMORY.object,
  ) {}
}

/** An object of a class that is not known: nothing of it is run or kept but its name. */
export class Placeholder {
  constructor(readonly className: string) {}
}

/** A longer text is no name, and stays bytes. */
const MOST_TEXT = 2 ** 16;

/** Far more than the name of a class or of a module has. */
const MOST_NAME = 256;

/** Far more than a checkpoint has: what is named once is remembered. */
const MOST_GLOBALS = 10_000;

/** What stands in the memo under a number that nothing has. */
const NOTHING = Symbol();

/** Numbers of the memo that may be passed over; Python's own pickles leave out none. */
const MOST_LEFT_OUT = 256;

/** The stack machine's state and what opcodes do to it. */
export class PickleMachine {
  readonly bytes: PickleBytes;
  private readonly memo: unknown[] = [];
  private globals = 0;
  /** Values up to `depth`; the room above is kept. */
  private readonly stack: unknown[] = [];
  private depth = 0;
  /** The depths at which marks stand. */
  private readonly marks: number[] = [];

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

  /** @param bytes Memory of the value itself. */
  push(value: unknown, bytes = 0): void {
    this.rules.take(bytes + (this.depth < this.stack.length ? 0 : MEMORY.slot));
    this.stack[this.depth++] = value;
  }

  /** An empty list, tuple or set. */
  pushList(): void {
    this.push([], MEMORY.list);
  }

  pushDict(): void {
    this.push(new Map(), MEMORY.dict);
  }

  pushText(length: number): void {
    if (length > MOST_TEXT) {
      this.pushBytes(length);
      return;
    }
    const text = this.bytes.text(length);
    // Characters beyond ASCII make all of a text two bytes wide.
    const size = text.length === length ? length : 2 * length;
    this.push(text, MEMORY.text + size + (length > SHORT_TEXT ? MEMORY.decoded : 0));
  }

  /** A view of the file's own bytes. */
  pushBytes(length: number): void {
    this.push(this.bytes.raw(length), MEMORY.view);
  }

  private needs(size: number): void {
    const floor = this.marks[this.marks.length - 1] ?? 0;
    if (this.depth - floor < size) {
      throw this.fail('the stack must hold what an opcode takes', this.depth === floor ? 'nothing' : 'less');
    }
  }

  top(): unknown {
    this.needs(1);
    return this.stack[this.depth - 1];
  }

  pop(): unknown {
    const value = this.top();
    this.depth--;
    return value;
  }

  mark(): void {
    this.rules.take(MEMORY.slot);
    this.marks.push(this.depth);
  }

  /** How many values there are above the last mark, which is taken away; they stay where they are. */
  private unmark(): number {
    const floor = this.marks.pop();
    if (floor === undefined) throw this.fail('there must be a mark where one is taken', 'none');
    return this.depth - floor;
  }

  /** Throws away what is above the last mark. */
  dropMarked(): void {
    this.depth -= this.unmark();
  }

  /** Makes one tuple, or list, of the values above the last mark. */
  markedTuple(): void {
    this.tuple(this.unmark());
  }

  /** Makes one tuple of the values on top. */
  tuple(size: number): void {
    this.needs(size);
    this.rules.take(MEMORY.tuple + MEMORY.tupleItem * size);
    const items = this.stack.slice(this.depth - size, this.depth);
    this.depth -= size;
    this.push(items);
  }

  remember(index: number): void {
    const value = this.top();
    const {memo} = this;
    if (index > memo.length + MOST_LEFT_OUT) {
      throw this.fail(`what is remembered must be numbered in order, from ${memo.length} on`, `${index}`);
    }
    if (index >= memo.length) this.rules.take(MEMORY.slot * (index + 1 - memo.length));
    while (memo.length < index) memo.push(NOTHING);
    memo[index] = value;
  }

  rememberNext(): void {
    this.remember(this.memo.length);
  }

  recall(index: number): void {
    const value = index < this.memo.length ? this.memo[index] : NOTHING;
    if (value === NOTHING) throw this.fail('what is recalled must have been remembered', `${index}`);
    this.push(value);
  }

  appendMarked(): void {
    this.append(this.unmark());
  }

  /** The values on top, onto the list below them. */
  append(size: number): void {
    this.needs(size);
    const begin = this.depth - size;
    this.depth = begin;
    const list = this.top();
    if (list instanceof Placeholder) return;
    if (!Array.isArray(list)) throw this.fail('what is appended to must be a list', typeof list);
    // V8 gives a short list room for more when the first is pushed.
    this.rules.take((list.length < 17 ? MEMORY.firstItem : 0) + MEMORY.item * size);
    for (let i = begin; i < begin + size; i++) list.push(this.stack[i]);
  }

  setMarkedItems(): void {
    this.setItems(this.unmark());
  }

  /** Keys and values in turn on top, into the dict below them. */
  setItems(size: number): void {
    this.needs(size);
    const begin = this.depth - size;
    this.depth = begin;
    const dict = this.top();
    if (dict instanceof Placeholder) return;
    if (!(dict instanceof Map)) throw this.fail('what has items must be a dict', typeof dict);
    if (size % 2 !== 0) throw this.fail('every key of a dict must have a value', 'one without');
    this.rules.take((MEMORY.entry * size) / 2);
    for (let i = begin; i < begin + size; i += 2) dict.set(this.stack[i], this.stack[i + 1]);
  }

  /** A dict of the keys and values above the last mark. */
  markedDict(): void {
    const size = this.unmark();
    const items = this.stack.slice(this.depth - size, this.depth);
    this.rules.take(MEMORY.tuple + MEMORY.tupleItem * size);
    this.depth -= size;
    this.pushDict();
    for (const item of items) this.push(item);
    this.setItems(size);
  }

  /** Calls a function of the caller's. */
  reduce(): void {
    const args = this.pop();
    const called = this.pop();
    if (called instanceof Placeholder && Array.isArray(args)) {
      this.push(called);
      return;
    }
    if (!(called instanceof PickleFunction) || !Array.isArray(args)) {
      throw this.fail('what is called must be a function that is allowed', typeof called);
    }
    this.rules.take(called.bytes);
    this.push(called.call(args));
  }

  /** An object of a class, of which `taken` values on the stack tell: a placeholder, or nothing that data needs. */
  newObject(opcode: number, taken: number): void {
    for (let i = 0; i < taken; i++) this.pop();
    const made = this.pop();
    if (!(made instanceof Placeholder)) {
      throw this.fail(
        'a pickle must be of protocol 2 to 5 and hold data only',
        `opcode 0x${opcode.toString(16)}`,
      );
    }
    this.push(made);
  }

  /** What two lines of the pickle name. */
  globalLines(): void {
    const module = this.bytes.line();
    // A name that is too long leaves no place where the next would begin.
    this.global(module, module === undefined ? undefined : this.bytes.line());
  }

  global(module: unknown, name: unknown): void {
    const isName = (text: unknown): text is string => typeof text === 'string' && text.length <= MOST_NAME;
    if (!isName(module) || !isName(name)) {
      throw this.fail(`a global must have names of at most ${MOST_NAME} characters`, 'others');
    }
    if (++this.globals > MOST_GLOBALS) {
      throw this.fail(`a pickle must name at most ${MOST_GLOBALS} classes and functions`, 'more');
    }
    this.rules.take(MEMORY.name + 2 * (module.length + name.length));
    this.push(this.rules.global(module, name));
  }

  /** The object behind the id on top. */
  persistent(): void {
    const id = this.pop();
    this.push(this.rules.persistent(id));
  }

  /** The value that is left at the end. */
  result(): unknown {
    const value = this.pop();
    if (this.depth > 0 || this.marks.length > 0) throw this.fail('one value must be left', 'several');
    return value;
  }
}
