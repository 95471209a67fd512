/**
 * What a computation on the webgpu backend is made of: dispatches and bytes by the tfjs kernel that made them and the
 * shader that they ran. Bytes are those of the buffers that a dispatch binds, read or written, uniforms left out.
 */
import * as tf from '@tensorflow/tfjs';

/** One line of the table. */
interface ProfileRow {
  /** tfjs's kernel, such as Conv2DBackpropFilter, or 'none'. */
  kernel: string;
  /** Name of a shader of this library, or class of a stock one. */
  shader: string;
  dispatches: number;
  bytes: number;
}

/** What is used of tfjs's backend beyond its typings. */
interface Recorded extends tf.KernelBackend {
  recordAndSubmit(
    program: {name?: string},
    output: tf.TensorInfo,
    inputs: tf.TensorInfo[],
    uniforms: unknown,
  ): void;
  tensorMap: {get(dataId: tf.DataId): {resource?: {size: number}}};
}

/** Runs `compute` once and counts; pipelines should be there already. Most dispatches first. */
export function profile(compute: () => tf.Tensor | tf.Tensor[]): ProfileRow[] {
  const backend = tf.backend() as Recorded;
  const engine = tf.engine();
  const {recordAndSubmit} = backend;
  const {runKernel} = engine;
  const running: string[] = [];
  const rows = new Map<string, ProfileRow>();
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
    const row = rows.get(key) ?? {kernel, shader, dispatches: 0, bytes: 0};
    row.dispatches++;
    for (const {dataId} of [output, ...inputs])
      row.bytes += backend.tensorMap.get(dataId).resource?.size ?? 0;
    rows.set(key, row);
  };
  try {
    tf.dispose(tf.tidy(compute as () => tf.Tensor));
  } finally {
    backend.recordAndSubmit = recordAndSubmit;
    engine.runKernel = runKernel;
  }
  return [...rows.values()].sort((a, b) => b.dispatches - a.dispatches || b.bytes - a.bytes);
}

/** Prints the table, and the sums. */
export function printProfile(what: string, rows: ProfileRow[]): void {
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1).padStart(9);
  const total = (of: 'dispatches' | 'bytes') => rows.reduce((sum, row) => sum + row[of], 0);
  console.log(`${what}\n    dispatches    MiB  kernel, shader`);
  for (const {kernel, shader, dispatches, bytes} of rows) {
    console.log(`${String(dispatches).padStart(10)}${mebibytes(bytes)}  ${kernel}, ${shader}`);
  }
  console.log(`${String(total('dispatches')).padStart(10)}${mebibytes(total('bytes'))}  in all`);
}
