/**
 * A shader of this library: what it computes as a text made of parameters, and the key under which its pipeline is kept.
 *
 * Whatever changes the text is a parameter, and so part of the key. Sizes that differ from call to call are uniforms, not
 * parameters.
 *
 * The common pattern of all shaders, which `shaderText` makes around a body:
 *
 *   const SIZE: u32           invocations of a workgroup, in one row
 *   u.<name>                  the uniforms; u.groups, the number of workgroups that have work
 *   <name>                    the buffers, in the order of the bindings
 *   group, lane               the number of the workgroup, from 0 to u.groups - 1, and of the invocation in it
 *   subgroupLength            with the parameter `subgroups`: invocations of a subgroup
 *
 * Workgroups are numbered through two dimensions of the dispatch, because one holds no more than 65,535.
 */

/** A buffer that a shader reads or writes. */
export interface Binding {
  name: string;
  /** WGSL type of an element of the array. */
  type: string;
  access: 'in' | 'out';
}

/** A buffer that a shader reads. */
export const readBuffer = (name: string, type = 'f32'): Binding => ({name, type, access: 'in'});

/** A buffer that a shader writes, and may read. */
export const writeBuffer = (name: string, type = 'f32'): Binding => ({name, type, access: 'out'});

/** Parameters: numbers, booleans and words; false and undefined are the same as absent. */
export type Parameters = Record<string, number | boolean | string | undefined>;

export interface Shader<P> {
  /** Name of the shader, unique. */
  name: string;
  /** Invocations of a workgroup. */
  size(parameters: P): number;
  /** Uniforms by name: unsigned whole numbers, signed ones, and floating-point ones. */
  uniforms: Readonly<Record<string, 'u32' | 'i32' | 'f32'>>;
  bindings(parameters: P): Binding[];
  /** Extensions of WGSL that it needs. */
  extensions?(parameters: P): string[];
  /** Built-in values that it takes beyond group and lane, as parameters of the function. */
  builtins?(parameters: P): string[];
  /** Declarations outside of the function: workgroup memory, helper functions. */
  declarations?(parameters: P): string;
  /** What one workgroup does. */
  body(parameters: P): string;
}

/**
 * Under which name a pipeline is kept. Parameters that are false or undefined are left out: a text only asks whether they
 * are true. 0 and '' stay, since a text may contain them.
 */
export function shaderKey<P>(shader: Shader<P>, parameters: P): string {
  const given = Object.entries(parameters as Parameters).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  return `${shader.name} ${JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}

/** The whole WGSL text of a shader. */
export function shaderText<P>(shader: Shader<P>, parameters: P): string {
  const bindings = shader.bindings(parameters);
  const buffers = bindings.map(
    ({name, type, access}, i) =>
      `@group(0) @binding(${i}) var<storage, ${access === 'in' ? 'read' : 'read_write'}> ${name}: array<${type}>;`,
  );
  const uniforms = Object.entries(shader.uniforms).map(([name, type]) => `  ${name}: ${type},`);
  const {subgroups} = parameters as Parameters;
  const extensions = shader.extensions?.(parameters) ?? (subgroups ? ['subgroups'] : []);
  return `${extensions.map((name) => `enable ${name};\n`).join('')}const SIZE: u32 = ${shader.size(parameters)}u;
struct Uniforms {
  unused: i32,
  groups: u32,
${uniforms.join('\n')}
}
${buffers.join('\n')}
@group(0) @binding(${bindings.length}) var<uniform> u: Uniforms;
${subgroups ? 'var<private> subgroupLength: u32;' : ''}
${shader.declarations?.(parameters) ?? ''}
@compute @workgroup_size(${shader.size(parameters)})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) counts: vec3u,
  @builtin(local_invocation_index) lane: u32,
  ${subgroups ? '@builtin(subgroup_size) lengthOfSubgroup: u32,' : ''}
  ${(shader.builtins?.(parameters) ?? []).map((builtin) => `${builtin},`).join(' ')}
) {
  ${subgroups ? 'subgroupLength = lengthOfSubgroup;' : ''}
  let group = workgroup.x + workgroup.y * counts.x;
  if (group >= u.groups) { return; }
${shader.body(parameters)}
}
`;
}

/** How many workgroups of `size` it takes for `count` invocations, rows or whatever a workgroup has `size` of. */
export const workgroups = (count: number, size: number): number => Math.ceil(count / size);
