/** How far a long command is: a line that rewrites itself on a terminal, and nothing elsewhere. */
import type {Output} from './display.js';

export class Progress {
  constructor(private readonly out: Output) {}

  show(text: string): void {
    if (!this.out.isTTY) return;
    // A line that wraps cannot be rewritten.
    this.out.write(`\r\u001b[K${text.slice(0, Math.max(20, (this.out.columns ?? 80) - 1))}`);
  }

  clear(): void {
    if (this.out.isTTY) this.out.write('\r\u001b[K');
  }
}
