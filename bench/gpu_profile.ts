/**
 * What a computation on the webgpu backend is made of: time on the GPU, where it has timestamps, dispatches and bytes, by
 * the tfjs kernel that made them and the shader that they ran. Bytes are those of the buffers that a dispatch binds, read
 * or written, uniforms left out.
 */

import * as tf from '@tensorflow/tfjs';
import {textTable} from '../kernels/common/text_table.js';

/** One line of the table. */
interface ProfileRow {
  /** tfjs's kernel, such as Conv2DBackpropFilter, or 'none'. */
  kernel: string;
  /** Name of a shader of this library, or class of a stock one. */
  shader: string;
  dispatches: number;
  bytes: number;
  milliseconds: number;
}

/** What is used of tfjs's backend beyond its typings. */
interface Recorded extends tf.KernelBackend {
  device: GPUDevice;
  recordAndSubmit(
    program: {name?: string},
    output: tf.TensorInfo,
    inputs: tf.TensorInfo[],
    uniforms: unknown,
  ): void;
  tensorMap: {get(dataId: tf.DataId): {resource?: {size: number}}};
}

/** Runs `compute` once and counts; pipelines should be there already. What takes most first. */
export async function profile(compute: () => tf.Tensor | tf.Tensor[]): Promise<ProfileRow[]> {
  const backend = tf.backend() as Recorded;
  const engine = tf.engine();
  const {recordAndSubmit} = backend;
  const {runKernel} = engine;
  const running: string[] = [];
  const rows = new Map<string, ProfileRow>();
  const order: ProfileRow[] = [];
  engine.runKernel = <T>(...args: Parameters<typeof runKernel>): T => {
    running.push(args[0]);
    try {
      return runKernel.apply(engine, args) as T;
    } finally {
      running.pop();
    }
  };
  backend.recordAndSubmit = (program, output, inputs, uniforms) => {
    recordAndSubmit.call(backend, program, output, inputs, uniforms);
    const kernel = running.at(-1) ?? 'none';
    const shader = program.name ?? program.constructor.name;
    const key = `${kernel} ${shader}`;
    const row = rows.get(key) ?? {kernel, shader, dispatches: 0, bytes: 0, milliseconds: 0};
    row.dispatches++;
    for (const {dataId} of [output, ...inputs])
      row.bytes += backend.tensorMap.get(dataId).resource?.size ?? 0;
    rows.set(key, row);
    order.push(row);
  };
  const run = () => tf.dispose(tf.tidy(compute as () => tf.Tensor));
  try {
    if (backend.device.features.has('timestamp-query')) {
      const timed = (await tf.time(run)) as unknown as {getExtraProfileInfo(): string};
      // "Program: milliseconds, ..." of each dispatch, in order.
      for (const [i, one] of timed.getExtraProfileInfo().split(', ').entries()) {
        order[i].milliseconds += Number(one.split(': ')[1]);
      }
    } else run();
  } finally {
    backend.recordAndSubmit = recordAndSubmit;
    engine.runKernel = runKernel;
  }
  const most = (of: 'milliseconds' | 'dispatches' | 'bytes') => (a: ProfileRow, b: ProfileRow) =>
    b[of] - a[of];
  return [...rows.values()].sort(most('bytes')).sort(most('dispatches')).sort(most('milliseconds'));
}

/** Prints the table, and the sums. */
export function printProfile(what: string, rows: ProfileRow[]): void {
  const line = ({milliseconds, dispatches, bytes}: Omit<ProfileRow, 'kernel' | 'shader'>, name: string) => [
    milliseconds.toFixed(2),
    dispatches.toFixed(0),
    (bytes / 2 ** 20).toFixed(1),
    name,
  ];
  const total = (of: 'milliseconds' | 'dispatches' | 'bytes') => rows.reduce((sum, row) => sum + row[of], 0);
  const sums = {milliseconds: total('milliseconds'), dispatches: total('dispatches'), bytes: total('bytes')};
  const table = [
    ['ms', 'dispatches', 'MiB', 'kernel, shader'],
    ...rows.map((row) => line(row, `${row.kernel}, ${row.shader}`)),
    line(sums, 'in all'),
  ];
  console.log([what, ...textTable(table, (column) => column < 3)].join('\n'));
}
