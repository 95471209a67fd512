/** Damage to files, from a seed: what a bad disk, a broken program or an enemy makes of one. */
import seedrandom from 'seedrandom';

export type Random = () => number;

/** The numbers of one case. */
export const caseRandom = (...of: readonly (string | number)[]): Random => seedrandom.alea(of.join(' '));

const below = (random: Random, count: number) => Math.floor(random() * count);

/** One of a list. */
export const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)];

/** Bytes at the limits of what numbers and lengths can be. */
const ODD_BYTES = [
  ...[[0], [255], [127], [128], [34], [123], [125], [46]],
  ...[
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [255, 255, 255, 127],
    [0, 0, 0, 128],
    [0, 0, 0, 0, 1, 0, 0, 0],
    [255, 255, 255, 255, 255, 255, 31, 0],
  ],
];

/** The bytes with one to four wounds: other bits, odd numbers, what is cut off, left out, doubled, or of another file. */
export function damaged(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (let wounds = 1 + below(random, 4); wounds > 0; wounds--) {
    // Half of them in the first or the last part, where headers and directories are.
    const near = random() < 0.5 ? Math.min(result.length, 600) : result.length;
    const at = random() < 0.5 ? below(random, near) : Math.max(0, result.length - 1 - below(random, near));
    const length = below(random, random() < 0.8 ? 12 : 2000);
    const other = pick(random, others);
    const from = below(random, other.length);
    const joined = (...parts: ArrayLike<number>[]) => {
      const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      parts.reduce((to, part) => {
        all.set(part, to);
        return to + part.length;
      }, 0);
      return all;
    };
    const wound = pick(random, [
      () => {
        if (result.length > 0) result[at] ^= 1 << below(random, 8);
        return result;
      },
      () => {
        const odd = pick(random, ODD_BYTES).slice(0, result.length - at);
        if (odd.length > 0) result.set(odd, at);
        return result;
      },
      () => result.slice(0, at),
      () => joined(result.subarray(0, at), result.subarray(at + length)),
      () => joined(result.subarray(0, at + length), result.subarray(at)),
      () => joined(result.subarray(0, at), other.subarray(from, from + length), result.subarray(at)),
    ]);
    result = wound();
  }
  return result;
}

/** The bytes with one to four of them others: lengths and places stay what they are. */
export function overwritten(random: Random, bytes: Uint8Array): Uint8Array {
  const result = Uint8Array.from(bytes);
  for (let wounds = 1 + below(random, 4); wounds > 0; wounds--) {
    const at = below(random, random() < 0.7 ? Math.min(result.length, 1500) : result.length);
    result[at] = random() < 0.5 ? below(random, 256) : result[at] + pick(random, [1, 255, 16, 128]);
  }
  return result;
}

const ODD_VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1,
    2,
    0.5,
    7,
    1e6,
    1e9,
    2 ** 31,
    2 ** 53,
    -(2 ** 31),
    1e308,
    '',
    'x',
    '0',
    '__proto__',
  ],
  ...[
    'constructor',
    '../x',
    'Dense',
    'Sequential',
    'float32',
    'NaN',
    [],
    {},
    [[]],
    [null],
    [0],
    [-1],
    [1e9, 1e9],
    {a: 1},
  ],
];

/** A JSON value with one to three wounds: a value of it odd, of another place, left out or doubled. */
export function damagedJson(random: Random, value: unknown): unknown {
  const result = structuredClone({value});
  for (let wounds = 1 + below(random, 3); wounds > 0; wounds--) {
    // biome-ignore lint/suspicious/noExplicitAny: a place in any JSON.
    const places: {parent: any; key: string | number}[] = [];
    const visit = (parent: object) => {
      for (const [key, child] of Object.entries(parent)) {
        places.push({parent, key: Array.isArray(parent) ? Number(key) : key});
        if (typeof child === 'object' && child !== null) visit(child);
      }
    };
    visit(result);
    const {parent, key} = pick(random, places);
    const {parent: from, key: there} = pick(random, places);
    pick(random, [
      () => {
        parent[key] = structuredClone(pick(random, ODD_VALUES));
      },
      () => {
        parent[key] = structuredClone(from[there]);
      },
      () => {
        if (Array.isArray(parent)) parent.splice(key as number, 1);
        else if (parent !== result) delete parent[key];
      },
      () => {
        if (Array.isArray(parent)) parent.splice(key as number, 0, structuredClone(parent[key as number]));
      },
    ])();
  }
  return result.value;
}
