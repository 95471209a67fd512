/** What every page does: finds its elements, says what goes on, shows errors, and does one thing after the other. */

/** The element with this id. Throws where the page has none of this class, which is a mistake in its HTML. */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page must have a ${kind.name} with the id ${id}.`);
  return found;
}

/** A new element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Tells what goes on, to the eye and to a screen reader. */
export function say(text: string): void {
  element('say', HTMLParagraphElement).textContent = text;
}

/** Shows an error; an empty text takes it away. */
export function showError(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  element('error', HTMLParagraphElement).textContent = text;
  if (text) say('');
}

let last: Promise<unknown> = Promise.resolve();

/** Does `task` once those before it are done; shows its error in place of throwing it. */
export function inTurn(task: () => Promise<void>): Promise<void> {
  const next = last.then(async () => {
    showError('');
    try {
      await task();
    } catch (error) {
      showError(error);
    }
  });
  last = next;
  return next;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** 40 ms, 2.4 s, 34 s, 2 min 5 s. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
