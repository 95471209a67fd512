/** Random products of matrices, batches that broadcast and fused ones among them. */
import * as tf from '@tensorflow/tfjs';
import {type Draw, type TypedArray, tensorOf} from '../draw.js';
import type {FuzzBackend, FuzzCase} from '../fuzz_case.js';
import {followedBy} from '../references/epilogue.js';
import {broadcastShape, cellsOf, Sums, stridesOf} from '../references/sums.js';
import {drawEpilogue, epilogueArguments, epilogueText} from './epilogue.js';

interface Product {
  a: TypedArray;
  b: TypedArray;
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * On webgpu only products without terms are ours.
 *
 * @param broadcasts Whether batches of more than one axis may broadcast; tfjs-core joins them for fused products.
 */
function drawProduct(draw: Draw, backend: FuzzBackend, broadcasts: boolean): Product {
  const batch = draw.shape(draw.pick([0, 0, 1, 1, 2, 3, 4]), 3);
  const whole = !broadcasts && batch.length > 1;
  const ofOne = () => batch.slice(!whole && draw.chance(0.3) ? draw.integer(0, batch.length) : 0);
  const broadcast = () => ofOne().map((size) => (!whole && draw.chance(0.2) ? 1 : size));
  const [m, n, k] = draw.chance(0.1) ? [draw.size(70), draw.size(40), draw.size(90)] : draw.shape(3, 9);
  const terms = backend === 'webgpu' ? 0 : k;
  const [transposeA, transposeB] = [draw.chance(0.3), draw.chance(0.3)];
  return {
    a: draw.array([...broadcast(), ...(transposeA ? [terms, m] : [m, terms])]),
    b: draw.array([...broadcast(), ...(transposeB ? [n, terms] : [terms, n])]),
    transposeA,
    transposeB,
  };
}

/** [..., M, N] */
function resultShape({a, b, transposeA, transposeB}: Product): number[] {
  const [m, n] = [a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!];
  return [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
}

function multiplied(one: Product): Sums {
  const {a, b, transposeA, transposeB} = one;
  const k = a.shape.at(transposeA ? -2 : -1)!;
  const sums = new Sums(resultShape(one));
  const at = ({shape}: TypedArray, batch: readonly number[], row: number, column: number) => {
    const strides = stridesOf(shape);
    const first = batch.length - (shape.length - 2);
    const start = shape
      .slice(0, -2)
      .reduce((sum, size, i) => sum + (size === 1 ? 0 : batch[first + i] * strides[i]), 0);
    return start + row * strides.at(-2)! + column;
  };
  for (const [cell, place] of cellsOf(sums.shape)) {
    const [batch, [row, column]] = [place.slice(0, -2), place.slice(-2)];
    for (let i = 0; i < k; i++) {
      const left = a.data[transposeA ? at(a, batch, i, row) : at(a, batch, row, i)];
      const right = b.data[transposeB ? at(b, batch, column, i) : at(b, batch, i, column)];
      sums.add(cell, left * right);
    }
  }
  return sums;
}

const productText = ({a, b, transposeA, transposeB}: Product) =>
  `a [${a.shape}]${transposeA ? ' transposed' : ''} b [${b.shape}]${transposeB ? ' transposed' : ''}`;

export function matMul(draw: Draw, backend: FuzzBackend): FuzzCase {
  const one = drawProduct(draw, backend, true);
  return {
    text: `matMul ${productText(one)}`,
    run: () => [tf.matMul(tensorOf(one.a), tensorOf(one.b), one.transposeA, one.transposeB)],
    expected: () => [multiplied(one).expected()],
  };
}

export function fusedMatMul(draw: Draw, backend: FuzzBackend): FuzzCase {
  const one = drawProduct(draw, backend, false);
  const epilogue = drawEpilogue(draw, resultShape(one), [0, 1, 2]);
  const {transposeA, transposeB} = one;
  return {
    text: `fused.matMul ${productText(one)} ${epilogueText(epilogue)}`,
    run: () => [
      tf.fused.matMul({
        a: tensorOf(one.a),
        b: tensorOf(one.b),
        ...{transposeA, transposeB},
        ...epilogueArguments(epilogue),
      }),
    ],
    expected: () => [followedBy(multiplied(one), epilogue)],
  };
}
