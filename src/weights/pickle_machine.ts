/**
 * The stack machine that a Python pickle is a program for: its stack, its marks, its memo, and what opcodes do to them. What
 * is called, and what a name or an id means, is the caller's.
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

/** An object of a class that is not known: nothing of it is run or kept but its name. */
export class Placeholder {
  constructor(readonly className: string) {}
}

/** The stack machine's state and what opcodes do to it. */
export class PickleMachine {
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
    if (list instanceof Placeholder) return;
    if (!Array.isArray(list)) throw this.fail('what is appended to must be a list', typeof list);
    for (const item of items) list.push(item);
  }

  /** Keys and values in turn, into the dict on top. */
  setItems(items: unknown[]): void {
    const dict = this.top();
    if (dict instanceof Placeholder) return;
    if (!(dict instanceof Map)) throw this.fail('what has items must be a dict', typeof dict);
    if (items.length % 2 !== 0) throw this.fail('every key of a dict must have a value', 'one without');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  /** Calls a function of the caller's. */
  reduce(): void {
    const [args, called] = [this.pop(), this.pop()];
    if (called instanceof Placeholder && Array.isArray(args)) {
      this.push(called);
      return;
    }
    if (!(called instanceof PickleFunction) || !Array.isArray(args)) {
      throw this.fail('what is called must be a function that is allowed', typeof called);
    }
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
