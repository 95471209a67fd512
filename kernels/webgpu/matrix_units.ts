/**
 * Which small matrices a device multiplies in one step (matrix_loop.ts). They are found when the device is opened, since
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
} from './matrix_loop.js';

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

/** Whether the device's compiler knows the extensions, which are experimental, as they are written here. */
async function compiles(device: GPUDevice, units: MatrixUnits): Promise<boolean> {
  const tile = {...subgroupShare(units), a: 'rows', b: 'rows', piece: MATRIX_PIECE} as const;
  const p = {...tile, ...units, tileRows: tile.rows, tileColumns: tile.columns};
  device.pushErrorScope('validation');
  device.createShaderModule({
    code: `${MATRIX_EXTENSIONS.map((name) => `enable ${name};`).join(' ')}
const SIZE = ${units.matrixLanes}u;
fn aAt(_outer: u32, _inner: u32, _end: u32) -> vec4f { return vec4f(); }
fn bAt(_outer: u32, _inner: u32, _end: u32) -> vec4f { return vec4f(); }
@group(0) @binding(0) var<storage, read_write> c: array<vec4f>;
${matrixMemory(p)}
@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32, ${MATRIX_BUILTINS.join(', ')}) {
  let m = 1u; let n = 1u; let begin = 0u; let last = 1u; let firstRow = 0u; let firstColumn = 0u;
  ${matrixLoop(p, 'c[row + column] = v;')}
}`,
  });
  return (await device.popErrorScope()) === null;
}

const found = new WeakMap<GPUDevice, MatrixUnits>();

/** Finds the matrices of a new device that the loop can use, the largest. Until then it has none. */
export async function findMatrixUnits(device: GPUDevice, info: GPUAdapterInfo): Promise<void> {
  const units = offeredUnits(device, info);
  if (units && (await compiles(device, units))) found.set(device, units);
}

/** The matrices of a device; undefined where none were found. */
export const matrixUnits = (device: GPUDevice): MatrixUnits | undefined => found.get(device);
