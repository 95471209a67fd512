/** The same object without the entries that are undefined; which ones those are its type cannot say. */
export function defined<T extends object>(values: T): {[K in keyof T]: Exclude<T[K], undefined>} {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as {[K in keyof T]: Exclude<T[K], undefined>};
}
