/**
 * The memory that what is read from a file may take: as many bytes as the file has, and with the reader's own a megabyte. Readers of untrusted files
 * count what they make before they make it, so that a small file cannot make large things.
 *
 * Counted are estimates for V8, on the high side, of what an object takes with the room that it keeps for growth.
 */

/** A megabyte, less what the reader itself takes. */
const SLACK = 3 * 2 ** 18;

export class MemoryBudget {
  private left: number;

  /** @param fail The error for a file that asks for more. */
  constructor(
    fileBytes: number,
    private readonly fail: (rule: string, got: string) => Error,
  ) {
    this.left = fileBytes + SLACK;
  }

  /** @throws what `fail` makes where less is left. */
  take(bytes: number): void {
    this.left -= bytes;
    if (this.left >= 0) return;
    throw this.fail('what a file holds must take no more memory than the file has bytes, and 1 MB', 'more');
  }
}
