/**
 * Which small matrices a device multiplies in one step (wgsl/matrix_loop.ts). They are found when the device is opened, since
 * only the adapter tells; a device that nothing was found for has none.
 */
import {
  MATRIX_BUILTINS,
  MATRIX_EXTENSIONS,
  MATRIX_PIECE,
  type MatrixUnits,
  matrixLoop,
  matrixMemory,
  subgroupShare,
} from '../wgsl/matrix_loop.js';

/** What the loop takes beyond core limits: tiles, row norms and results side by side. */
const MEMORY = 32_768;

/** What is used of GPUAdapterInfo beyond its typings; a device's own adapterInfo need not have all of it. */
interface AdapterInfo {
  subgroupMinSize: number;
  subgroupMaxSize: number;
  subgroupMatrixConfigs?: Iterable<{
    componentType: string;
    resultComponentType: string;
    M: number;
    N: number;
    K: number;
  }>;
}

function offeredUnits({features, limits}: GPUDevice, info: GPUAdapterInfo): MatrixUnits | undefined {
  const needed = ['chromium-experimental-subgroup-matrix', 'shader-f16', 'subgroups'];
  if (!needed.every((feature) => features.has(feature))) return undefined;
  if (limits.maxComputeWorkgroupStorageSize < MEMORY) return undefined;
  const {subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs = []} = info as unknown as AdapterInfo;
  // Where subgroups may be of several lengths it is not known which matrices a subgroup has.
  if (subgroupMinSize !== subgroupMaxSize || ![8, 16, 32].includes(subgroupMinSize)) return undefined;
  const units = [...subgroupMatrixConfigs]
    .filter((one) => one.componentType === 'f16' && one.resultComponentType === 'f32')
    .map(({M, N, K}) => ({
      ...{matrixRows: M, matrixColumns: N, matrixTerms: K},
      matrixLanes: subgroupMinSize,
    }))
    .filter((one) => {
      const {rows, columns} = subgroupShare(one);
      const fits = [
        [rows, one.matrixRows],
        [columns, one.matrixColumns],
        [MATRIX_PIECE, one.matrixTerms],
      ].every(([whole, part]) => whole % part === 0);
      return fits && one.matrixColumns % 4 === 0;
    });
  const work = (one: MatrixUnits) => one.matrixRows * one.matrixColumns * one.matrixTerms;
  return units.sort((one, other) => work(other) - work(one))[0];
}

/** Factors whose products and sums are whole numbers, exact in 16 and 32 bits: a of row and term, b of term and column. */
const FACTORS = {
  a: (row: number, term: number) => ((3 * row + term) % 7) - 3,
  b: (term: number, column: number) => ((5 * term + column) % 5) - 2,
};

/** The loop on these factors, a tile that is a subgroup's share, and a sum of two pieces. */
function probeText(p: Parameters<typeof matrixLoop>[0]): string {
  const fourOf = (formula: (i: number) => string) =>
    `vec4f(${[0, 1, 2, 3].map((i) => formula(i)).join(', ')})`;
  return `${MATRIX_EXTENSIONS.map((name) => `enable ${name};`).join(' ')}
const SIZE = ${p.matrixLanes}u;
fn aAt(row: u32, term: u32, _end: u32) -> vec4f {
  return ${fourOf((i) => `f32((3u * row + term + ${i}u) % 7u) - 3.0`)};
}
fn bAt(term: u32, column: u32, _end: u32) -> vec4f {
  return ${fourOf((i) => `f32((5u * term + column + ${i}u) % 5u) - 2.0`)};
}
@group(0) @binding(0) var<storage, read_write> c: array<vec4f>;
${matrixMemory(p)}
@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32, ${MATRIX_BUILTINS.join(', ')}) {
  let m = ${p.tileRows}u; let n = ${p.tileColumns}u;
  let begin = 0u; let last = ${2 * p.piece}u;
  let firstRow = 0u; let firstColumn = 0u;
  ${matrixLoop(p, 'c[(row * n + column) / 4u] = v;')}
}`;
}

/**
 * Whether the loop compiles on the device and gives the right numbers: its extensions are experimental, and their text
 * has changed before.
 */
async function multipliesRight(device: GPUDevice, units: MatrixUnits): Promise<boolean> {
  const {rows, columns} = subgroupShare(units);
  const tile = {rows, columns, tileRows: rows, tileColumns: columns, piece: MATRIX_PIECE} as const;
  const p = {...tile, layoutA: 'rows', layoutB: 'rows', ...units} as const;
  const size = 4 * rows * columns;
  const result = device.createBuffer({size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC});
  const read = device.createBuffer({size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ});
  try {
    device.pushErrorScope('validation');
    const module = device.createShaderModule({code: probeText(p)});
    const error = device.popErrorScope();
    const compiled = device.createComputePipelineAsync({
      layout: 'auto',
      compute: {module, entryPoint: 'main'},
    });
    const pipeline = await compiled.catch(() => undefined);
    if ((await error) !== null || !pipeline) return false;
    const commands = device.createCommandEncoder();
    const pass = commands.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [{binding: 0, resource: {buffer: result}}];
    pass.setBindGroup(0, device.createBindGroup({layout: pipeline.getBindGroupLayout(0), entries}));
    pass.dispatchWorkgroups(1);
    pass.end();
    commands.copyBufferToBuffer(result, 0, read, 0, size);
    device.queue.submit([commands.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    return new Float32Array(read.getMappedRange()).every((value, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let term = 0; term < 2 * MATRIX_PIECE; term++)
        sum += FACTORS.a(row, term) * FACTORS.b(term, column);
      return value === sum;
    });
  } finally {
    result.destroy();
    read.destroy();
  }
}

const found = new WeakMap<GPUDevice, MatrixUnits>();

/** Finds the matrices of a new device that the loop can use, the largest. Until then it has none. */
export async function findMatrixUnits(device: GPUDevice, info: GPUAdapterInfo): Promise<void> {
  const units = offeredUnits(device, info);
  if (units && (await multipliesRight(device, units))) found.set(device, units);
}

/** The matrices of a device; undefined where none were found. */
export const matrixUnits = (device: GPUDevice): MatrixUnits | undefined => found.get(device);
