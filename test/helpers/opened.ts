/**
 * What a test has opened and must not leave behind: browsers, servers, child processes.
 *
 * A test closes it in a `finally`. Where mocha's time limit ends the test that `finally` never comes, because the test
 * still waits for something; so whatever opens something also registers here how to close it, and the hooks of
 * root_hooks.ts close what is left.
 */

/** What lives for one test, and what is shared by the tests of a run. */
type Lifetime = 'test' | 'run';

type Register = Record<Lifetime, Set<() => Promise<void>>>;

/** One for the process: Node loads this file twice where some tests are required and others imported. */
const shared = globalThis as {swintTestRegister?: Register};
shared.swintTestRegister ??= {test: new Set(), run: new Set()};
const open = shared.swintTestRegister;

/**
 * Registers how to close what was just opened.
 *
 * @param close called once, whoever asks first. Must not wait for what may hang: a process is killed.
 * @param lifetime after what it is closed at the latest.
 * @returns closes it; a second call waits for the first.
 */
export function opened(close: () => unknown, lifetime: Lifetime = 'test'): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const once = () => {
    open[lifetime].delete(once);
    closing ??= Promise.resolve(close()).then(() => undefined);
    return closing;
  };
  open[lifetime].add(once);
  return once;
}

/** Closes what is left, the latest first. What fails to close is printed: a hook's error would end the whole run. */
export async function closeLeftOvers(lifetime: Lifetime): Promise<void> {
  for (const close of [...open[lifetime]].reverse()) {
    await close().catch((error: unknown) => console.log('could not be closed after the test:', error));
  }
}
