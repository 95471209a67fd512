/**
 * A turn of the event loop, for what computes without an end: the reads, signals and callbacks that wait come in during it.
 *
 * Without a timer: browsers let timers of hidden tabs run once a second, or once a minute. Messages are not held back.
 */
export function nextTurn(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => void setImmediate(resolve));
  return new Promise((resolve) => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
