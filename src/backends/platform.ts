/** Where this code runs. */

/** Whether this is Node (or a runtime that poses as it, such as Electron's main process) and not a browser. */
export function isNode(): boolean {
  return typeof process !== 'undefined' && process.versions?.node !== undefined;
}
