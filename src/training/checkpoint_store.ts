/**
 * Where the checkpoints of a training are, and which of them counts.
 *
 * They are numbered. The one with the highest number that is whole counts; the newest two are kept, so that there is always
 * one beside the one that is being written. A store knows names and bytes only: a folder in Node, a database in a browser.
 */
import {CheckpointError, ConfigError} from '../errors.js';
import {decodeCheckpoint, encodeCheckpoint, type Saved} from './checkpoint_file.js';

/** Named files. Each call rejects with a CheckpointError where the place cannot be read or written. */
export interface CheckpointStore {
  /** What to call it in messages: the path of a folder, the name of a database. */
  readonly name: string;
  /** The names of what is there. */
  list(): Promise<string[]>;
  read(name: string): Promise<Uint8Array>;
  /** Writes a file that is complete or not there, also where the process is killed meanwhile. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file; nothing where there is none. */
  remove(name: string): Promise<void>;
}

/** Checkpoints that are kept. */
const KEPT = 2;

const NAME = /^checkpoint-(\d{8})\.swint$/;
const nameOf = (number: number) => `checkpoint-${String(number).padStart(8, '0')}.swint`;

/** The numbered checkpoints of a store. */
export class CheckpointSeries {
  /** Numbers of those that are there, ascending, and of those of them that are damaged. */
  private numbers: number[] = [];
  private readonly damaged = new Set<number>();

  constructor(
    private readonly who: string,
    private readonly store: CheckpointStore,
  ) {}

  /**
   * The newest one that is whole; null where there is none at all. Damaged ones are told to `warn`.
   *
   * @param resume whether there may be any.
   * @throws ConfigError where there is one and `resume` is false; CheckpointError where all are damaged.
   */
  async open(resume: boolean, warn: (message: string) => void): Promise<{name: string; value: Saved} | null> {
    const {who, store} = this;
    const names = await store.list();
    this.numbers = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
    this.numbers.sort((a, b) => a - b);
    if (this.numbers.length === 0) return null;
    if (!resume) {
      throw new ConfigError(
        `${who}: the place of the checkpoints must be empty; got ${store.name}, which holds those of another training ` +
          '(resume: true goes on with it; else choose another place or remove them).',
      );
    }
    const problems: string[] = [];
    for (const number of [...this.numbers].reverse()) {
      const name = nameOf(number);
      try {
        const value = decodeCheckpoint(`${store.name}: ${name}`, await store.read(name));
        if (problems.length > 0) warn(`${who}: ${problems.join(' ')} The training goes on from ${name}.`);
        return {name, value};
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        problems.push(error.message);
        this.damaged.add(number);
      }
    }
    throw new CheckpointError(
      `${who}: one of the checkpoints must be whole; got none. ${problems.join(' ')} (Remove them to train anew.)`,
    );
  }

  /** Writes the next one, then removes those that are damaged or older than the newest two. */
  async write(value: Saved): Promise<void> {
    const number = (this.numbers.at(-1) ?? 0) + 1;
    await this.store.write(nameOf(number), encodeCheckpoint(value));
    this.numbers.push(number);
    const whole = this.numbers.filter((one) => !this.damaged.has(one)).slice(-KEPT);
    for (const old of this.numbers.filter((one) => !whole.includes(one))) {
      // One that cannot be removed is in nobody's way; the next training in this place removes it.
      await this.store.remove(nameOf(old)).catch(() => undefined);
    }
    this.numbers = whole;
  }

  /** Gives up the newest one, unless it is the only one. */
  async dropNewest(): Promise<void> {
    if (this.numbers.length > 1) await this.store.remove(nameOf(this.numbers.pop()!));
  }
}
