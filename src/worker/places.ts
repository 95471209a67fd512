/** Addresses of files for a worker, whose own relative ones would begin at its script. */

/** A URL relative to the page, in full; other texts, such as paths in Node and names on a hub, as they are. */
export function absoluteSource(source: string | URL): string {
  const page = (globalThis as {location?: {href: string}}).location?.href;
  if (source instanceof URL) return source.href;
  return page !== undefined && URL.canParse(source, page) ? new URL(source, page).href : source;
}
