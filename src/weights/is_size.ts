/** Whether a value that a file holds can be a number of things, a place among them or a number of bytes: 0, 1, 2, ... */
export const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
