/** Copies of memory, short ones above all: `memory.copy` leaves WebAssembly and costs as much as some hundred bytes. */

/** From so many bytes on `memory.copy` is faster than a loop. */
const LONG: usize = 1024;

// @ts-expect-error: decorator
@inline
export function copyBytes(from: usize, to: usize, bytes: usize): void {
  if (bytes >= LONG) {
    memory.copy(to, from, bytes);
    return;
  }
  const end = to + bytes;
  while (to + 16 <= end) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  while (to + 4 <= end) {
    store<u32>(to, load<u32>(from));
    from += 4;
    to += 4;
  }
  while (to < end) store<u8>(to++, load<u8>(from++));
}
