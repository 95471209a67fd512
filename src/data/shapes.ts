/**
 * A built-in data set that needs no file: drawn colour images of ten shapes, one per image, each with its mask.
 *
 * Place, size, rotation and colours are random; the background has a gradient, a texture and noise. Shapes are signed
 * distances d in units of the shape's radius (negative inside) around the origin; a pixel's coverage is
 * clamp(1/2 - d r, 0, 1) with r the radius in pixels, which antialiases the outline over one pixel. Image i is
 * a function of (seed, i, image size) alone.
 */

import {checkNumber, wholeNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ByteCache} from './byte_cache.js';
import {checkIndex} from './check_index.js';
import type {ImageDataset} from './dataset.js';
import {type Random, type RandomStream, randomStream, type Seed} from './shuffle.js';

/** Signed distance to a shape of about radius 1 around the origin; y points down. */
type Outline = (x: number, y: number) => number;

const OUTLINES: Readonly<Record<string, Outline>> = {
  circle: (x, y) => Math.hypot(x, y) - 0.85,
  square: polygon(regular(4, 1)),
  triangle: polygon(regular(3, 1.08)),
  star: polygon(regular(10, 1.08, 0.44)),
  cross: polygon(crossCorners(0.98, 0.3)),
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.78) - 0.19,
  crescent: (x, y) => Math.max(Math.hypot(x + 0.12, y) - 0.98, 0.78 - Math.hypot(x - 0.34, y)),
  heart,
  bolt: polygon([0.3, -1.05, -0.6, 0.12, -0.08, 0.12, -0.3, 1.05, 0.6, -0.2, 0.06, -0.2]),
  arrow: polygon([1.05, 0, 0.1, -0.8, 0.1, -0.27, -1, -0.27, -1, 0.27, 0.1, 0.27, 0.1, 0.8]),
};

const CLASS_NAMES: readonly string[] = Object.keys(OUTLINES);
const CHANNELS = 3;

/** Drawn images, each with the mask of its shape. */
export interface ShapesDataset extends ImageDataset {
  /** [height, width] bytes: 1 where the shape covers at least half of the pixel, 0 elsewhere. A new array. */
  mask(index: number): Uint8Array;
}

export interface DrawnShapesArgs {
  /** Number of images; at least 1. */
  size: number;
  /** Images of one seed are always the same ones; default 0. */
  seed?: Seed;
  /** Height and width in pixels; at least 16 (the shapes are not told apart below); default 32. */
  imageSize?: number;
  /** Largest noise added to a value, in grey levels 0 to 64; default 20. */
  noise?: number;
  /** Largest rotation either way in radians, 0 to pi; default 0.4. */
  turn?: number;
  /** Bytes of drawn images to keep in memory; default 256 MiB. */
  cacheBytes?: number;
  /** What to call it; default `shapes`. */
  name?: string;
}

const SHAPES = {
  ...{size: true, seed: true, imageSize: true, noise: true, turn: true, cacheBytes: true, name: true},
} as const satisfies ArgumentNames<DrawnShapesArgs>;

/**
 * Ten classes of drawn RGB images: circle, square, triangle, star, cross, ring, crescent, heart, bolt, arrow. The
 * label of image i is i mod 10, so that any run of ten images has every class once. What `read` returns is shared
 * with the cache: copy it before writing into it.
 *
 * @throws ConfigError for an unusable size, image size, noise or turn.
 */
export function drawnShapes(args: DrawnShapesArgs): ShapesDataset {
  checkArguments('drawnShapes', args, SHAPES);
  const {
    size,
    seed = 0,
    imageSize = 32,
    noise = 20,
    turn = 0.4,
    cacheBytes = 2 ** 28,
    name = 'shapes',
  } = args;
  const who = `drawnShapes(${name})`;
  checkNumber(who, 'size', size, wholeNumber(1, Number.MAX_SAFE_INTEGER));
  checkNumber(who, 'imageSize', imageSize, wholeNumber(16, 4096));
  checkNumber(who, 'noise', noise, wholeNumber(0, 64));
  checkNumber(who, 'turn', turn, {
    what: 'radians from 0 to pi',
    holds: (radians) => radians >= 0 && radians <= Math.PI,
  });

  const cache = new ByteCache(cacheBytes);
  const sceneOf = (index: number) => {
    checkIndex(name, index, size);
    const random = randomStream(`${seed}/shapes/${index}`);
    return {scene: drawScene(CLASS_NAMES[index % CLASS_NAMES.length]!, imageSize, turn, random), random};
  };
  return {
    name,
    size,
    height: imageSize,
    width: imageSize,
    channels: CHANNELS,
    classNames: CLASS_NAMES,
    label(index) {
      checkIndex(name, index, size);
      return index % CLASS_NAMES.length;
    },
    async read(index) {
      const held = cache.get(index);
      if (held) return held;
      const {scene, random} = sceneOf(index);
      const pixels = paint(scene, imageSize, noise, random);
      cache.offer(index, pixels);
      return pixels;
    },
    mask(index) {
      return Uint8Array.from(coverage(sceneOf(index).scene, imageSize), (c) => (c >= 0.5 ? 1 : 0));
    },
  };
}

export interface ShapesSplitArgs {
  /** Number of training images. */
  trainSize: number;
  /** Number of test images. */
  testSize: number;
  /** Default 0. */
  seed?: Seed;
  /** Height and width in pixels; default 32. */
  imageSize?: number;
}

const SPLIT = {
  ...{trainSize: true, testSize: true, seed: true, imageSize: true},
} as const satisfies ArgumentNames<ShapesSplitArgs>;

/** Drawn shapes to train and to test with; the two sets draw from different random streams of `seed`. */
export function shapesSplit(args: ShapesSplitArgs): {train: ShapesDataset; test: ShapesDataset} {
  checkArguments('shapesSplit', args, SPLIT);
  const {trainSize, testSize, seed = 0, imageSize = 32} = args;
  return {
    train: drawnShapes({size: trainSize, seed: `${seed}/train`, imageSize, name: 'shapes/train'}),
    test: drawnShapes({size: testSize, seed: `${seed}/test`, imageSize, name: 'shapes/test'}),
  };
}

type Colour = readonly [number, number, number];

/** Everything random about an image but its noise. */
interface Scene {
  outline: Outline;
  /** Centre and radius of the shape in pixels. */
  centreX: number;
  centreY: number;
  radius: number;
  /** Rotation in radians. */
  angle: number;
  /** Colour of the shape at its two ends along the gradient's direction, and of the background. */
  shape: readonly [Colour, Colour];
  background: readonly [Colour, Colour];
  /** Direction of both gradients, in radians. */
  gradient: number;
  /** Grey levels added to the background at a pixel. */
  texture: (x: number, y: number) => number;
}

function drawScene(className: string, imageSize: number, turn: number, random: Random): Scene {
  const radius = imageSize * between(random, 0.3, 0.42);
  // No outline reaches beyond 1.1 radii: the whole shape stays in view, and half a pixel of background around it.
  const play = imageSize / 2 - radius * 1.1 - 0.5;
  const background = [randomColour(random), randomColour(random)] as const;
  // Backgrounds of two opposite colours leave no colour that stands out from both.
  const middle = blend(background[0], background[1], 0.5);
  const ends = [blend(middle, background[0], 0.5), blend(middle, background[1], 0.5)] as const;
  const shape = contrastingColour(ends, random);
  return {
    outline: OUTLINES[className]!,
    centreX: imageSize / 2 + between(random, -play, play),
    centreY: imageSize / 2 + between(random, -play, play),
    radius,
    angle: between(random, -turn, turn),
    shape: [shape, blend(shape, randomColour(random), 0.15)],
    background: ends,
    gradient: between(random, 0, 2 * Math.PI),
    texture: randomTexture(imageSize, random),
  };
}

/** Share of each pixel [imageSize, imageSize] that the shape covers, 0 to 1. */
function coverage(scene: Scene, imageSize: number): Float32Array {
  const {outline, centreX, centreY, radius, angle} = scene;
  const cos = Math.cos(angle) / radius;
  const sin = Math.sin(angle) / radius;
  const result = new Float32Array(imageSize * imageSize);
  for (let y = 0; y < imageSize; y++) {
    const dy = y + 0.5 - centreY;
    for (let x = 0; x < imageSize; x++) {
      const dx = x + 0.5 - centreX;
      if (dx * dx + dy * dy > 1.4 * radius * radius) continue; // beyond every outline
      const distance = outline(cos * dx + sin * dy, cos * dy - sin * dx) * radius;
      result[y * imageSize + x] = Math.min(1, Math.max(0, 0.5 - distance));
    }
  }
  return result;
}

/** RGB bytes [imageSize, imageSize, 3] of a scene, with noise. */
function paint(scene: Scene, imageSize: number, noise: number, random: RandomStream): Uint8Array {
  const {shape, background, gradient, texture} = scene;
  const covered = coverage(scene, imageSize);
  const pixels = new Uint8ClampedArray(covered.length * CHANNELS);
  const alongX = Math.cos(gradient) / (1.5 * imageSize);
  const alongY = Math.sin(gradient) / (1.5 * imageSize);
  const grain = noise / 255;
  for (let y = 0; y < imageSize; y++) {
    for (let x = 0; x < imageSize; x++) {
      const cell = y * imageSize + x;
      const t = 0.5 + (x - imageSize / 2) * alongX + (y - imageSize / 2) * alongY;
      const alpha = covered[cell]!;
      const lift = alpha < 1 ? texture(x, y) : 0;
      // The difference of two random bytes: triangular noise around 0, three channels from two draws of 32 bits.
      const bits = random.int32();
      const more = random.int32();
      for (let c = 0; c < CHANNELS; c++) {
        const behind = background[0][c]! * (1 - t) + background[1][c]! * t + lift;
        const front = shape[0][c]! * (1 - t) + shape[1][c]! * t;
        const shift = c === 2 ? 0 : 16 * c;
        const word = c === 2 ? more : bits;
        const jitter = ((word >>> shift) & 255) - ((word >>> (shift + 8)) & 255);
        pixels[cell * CHANNELS + c] = behind * (1 - alpha) + front * alpha + grain * jitter;
      }
    }
  }
  return new Uint8Array(pixels.buffer);
}

/** Flat, stripes, checks or waves, of random period, direction and strength. */
function randomTexture(imageSize: number, random: Random): (x: number, y: number) => number {
  const kind = Math.floor(random() * 4);
  const strength = between(random, 4, 12);
  const angle = between(random, 0, Math.PI);
  const frequency = (2 * Math.PI) / (imageSize * between(random, 0.12, 0.4));
  const phase = between(random, 0, 2 * Math.PI);
  const cos = Math.cos(angle) * frequency;
  const sin = Math.sin(angle) * frequency;
  if (kind === 0) return () => 0;
  if (kind === 1) return (x, y) => (Math.sin(cos * x + sin * y + phase) > 0 ? strength : -strength);
  if (kind === 2) {
    return (x, y) =>
      Math.sin(cos * x + sin * y + phase) * Math.sin(cos * y - sin * x + phase) > 0 ? strength : -strength;
  }
  return (x, y) => strength * (Math.sin(cos * x + phase) + Math.sin(frequency * y - sin * x));
}

/** A random colour that stands out from both of `others`. */
function contrastingColour(others: readonly [Colour, Colour], random: Random): Colour {
  let best = randomColour(random);
  let most = contrast(best, others);
  // Three quarters of all draws fail; the best of many is there for the grey backgrounds that leave few colours.
  for (let tries = 0; tries < 60 && most < 110; tries++) {
    const colour = randomColour(random);
    const found = contrast(colour, others);
    if (found > most) {
      best = colour;
      most = found;
    }
  }
  return best;
}

/**
 * The smaller distance of a colour to the two others. Brightness counts twice: edges between colours equally bright
 * are hard to see.
 */
function contrast(colour: Colour, others: readonly [Colour, Colour]): number {
  const distances = others.map((other) => {
    const [red, green, blue] = colour.map((v, c) => v - other[c]!) as [number, number, number];
    const brightness = 0.3 * red + 0.59 * green + 0.11 * blue;
    return Math.hypot(0.5 * red, 0.5 * green, 0.4 * blue, 1.3 * brightness);
  });
  return Math.min(...distances);
}

function randomColour(random: Random): Colour {
  return [between(random, 10, 245), between(random, 10, 245), between(random, 10, 245)];
}

function blend(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** Corners x0, y0, x1, y1, ... on a circle, the first at the top; every other one at radius `inner` if given. */
function regular(count: number, outer: number, inner = outer): number[] {
  return Array.from({length: count}, (_, k) => {
    const angle = (2 * Math.PI * k) / count - Math.PI / 2;
    const radius = k % 2 === 0 ? outer : inner;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  }).flat();
}

/** Corners of an upright cross whose arms reach `length` and are 2 `half` wide. */
function crossCorners(length: number, half: number): number[] {
  const quarter = [half, length, half, half, length, half];
  const corners: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    for (let k = 0; k < quarter.length; k += 2) {
      let [x, y] = [quarter[k]!, quarter[k + 1]!];
      for (let t = 0; t < turn; t++) [x, y] = [y, -x];
      corners.push(x, y);
    }
  }
  return corners;
}

/** Signed distance to a closed polygon: distance to the nearest edge, negative where a ray crosses it oddly often. */
function polygon(corners: readonly number[]): Outline {
  const count = corners.length / 2;
  return (x, y) => {
    let nearest = Infinity;
    let inside = false;
    for (let k = 0, previous = count - 1; k < count; previous = k++) {
      const ax = corners[2 * k]!;
      const ay = corners[2 * k + 1]!;
      const ex = corners[2 * previous]! - ax;
      const ey = corners[2 * previous + 1]! - ay;
      const px = x - ax;
      const py = y - ay;
      const along = Math.min(1, Math.max(0, (px * ex + py * ey) / (ex * ex + ey * ey)));
      const qx = px - ex * along;
      const qy = py - ey * along;
      nearest = Math.min(nearest, qx * qx + qy * qy);
      if (py < 0 !== py < ey && px < (ex * py) / ey) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
}

/** A square standing on its corner with a half disc on each of its two upper sides. */
function heart(x: number, y: number): number {
  const half = 0.6;
  const drop = 0.2;
  // In axes turned by 45 degrees the square is |u|, |v| <= half, and its upper sides face +u and +v.
  const u = (x - (y - drop)) * Math.SQRT1_2;
  const v = (-x - (y - drop)) * Math.SQRT1_2;
  const square = Math.max(Math.abs(u), Math.abs(v)) - half;
  const discs = Math.min(Math.hypot(u - half, v), Math.hypot(u, v - half)) - half;
  return Math.min(square, discs);
}
