/** The program in a process of its own, as it is started from its source. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {opened} from '../../helpers/opened.js';

interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs it to its end, told of what it prints. */
export async function runProgram(
  args: readonly string[],
  onOutput?: (stdout: string, child: ChildProcess) => void,
): Promise<Finished> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  opened(() => child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return {code, stdout, stderr};
}

/** Sends a signal as soon as the output is like this. */
export const signalAt = (pattern: RegExp, signal: NodeJS.Signals) => {
  let sent = false;
  return (stdout: string, child: ChildProcess) => {
    if (sent || !pattern.test(stdout)) return;
    sent = true;
    child.kill(signal);
  };
};
