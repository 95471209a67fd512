/** Sets up the backend of a command, and tells which it is. */
import * as tf from '@tensorflow/tfjs-core';
import {backendReport} from '../backends/backend_report.js';
import {type BackendName, setupBackend} from '../backends/setup_backend.js';

/** @param line Told what there is, a line at a time; default nobody. */
export async function startBackend(
  {backend, threads}: {backend: BackendName | null; threads: number | null},
  line: (text: string) => void = () => {},
): Promise<void> {
  // Silences tfjs's advice, on stderr, to install its native backend.
  tf.enableProdMode();
  await setupBackend(backend ?? undefined, threads === null ? {} : {threads});
  const report = backendReport();
  line(`Backend  ${report.backend}: ${report.device}`);
  if (report.threadsReason) line(`         ${report.threads} thread(s): ${report.threadsReason}`);
  for (const skipped of report.skipped) line(`         not ${skipped.reason}`);
}
