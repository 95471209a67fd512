/** Shapes of convolutions to test gradients on: named corners, and random ones that are the same in every run. */

import type * as tf from '@tensorflow/tfjs';
import seedrandom from 'seedrandom';

type Padding = tf.backend_util.ExplicitPadding | 'same' | 'valid' | number;

/** One convolution. Sizes in cells; `out` is the output channels of conv2d, or depthwiseConv2d's multiplier. */
export interface ConvolutionCase {
  name: string;
  input: [number, number, number, number];
  filter: [number, number];
  out: number;
  strides: [number, number];
  pad: Padding;
}

const corners: ConvolutionCase[] = [
  {name: '1x1', input: [2, 5, 4, 6], filter: [1, 1], out: 7, strides: [1, 1], pad: 'valid'},
  {name: '1x1, stride 2', input: [2, 5, 4, 6], filter: [1, 1], out: 3, strides: [2, 2], pad: 'same'},
  {name: '3x3 same', input: [2, 7, 7, 4], filter: [3, 3], out: 2, strides: [1, 1], pad: 'same'},
  {
    name: '3x3 same, stride 2, even',
    input: [1, 8, 8, 3],
    filter: [3, 3],
    out: 4,
    strides: [2, 2],
    pad: 'same',
  },
  {name: '4x4 patches', input: [2, 12, 8, 3], filter: [4, 4], out: 10, strides: [4, 4], pad: 'valid'},
  {name: '7x7, stride 3', input: [1, 16, 13, 3], filter: [7, 7], out: 2, strides: [3, 3], pad: 'same'},
  {
    name: 'a filter as large as the map',
    input: [2, 5, 6, 3],
    filter: [5, 6],
    out: 2,
    strides: [1, 1],
    pad: 'valid',
  },
  {
    name: 'a filter larger than the map',
    input: [1, 2, 3, 2],
    filter: [5, 5],
    out: 2,
    strides: [1, 1],
    pad: 'same',
  },
  {
    name: 'rows and columns of their own',
    input: [2, 9, 11, 3],
    filter: [1, 4],
    out: 3,
    strides: [3, 1],
    pad: 'same',
  },
  {name: 'padding of 2', input: [1, 6, 7, 2], filter: [3, 3], out: 3, strides: [2, 2], pad: 2},
  {
    name: 'explicit, lopsided padding',
    input: [2, 6, 5, 3],
    filter: [3, 2],
    out: 2,
    strides: [1, 2],
    pad: [
      [0, 0],
      [2, 0],
      [0, 3],
      [0, 0],
    ],
  },
  {
    name: 'padding beyond the filter: taps that meet padding only',
    input: [1, 3, 3, 2],
    filter: [2, 2],
    out: 2,
    strides: [1, 1],
    pad: [
      [0, 0],
      [3, 4],
      [4, 3],
      [0, 0],
    ],
  },
  {
    name: 'channels in long loops, columns in more than one panel',
    input: [1, 5, 5, 70],
    filter: [3, 3],
    out: 9,
    strides: [1, 1],
    pad: 'same',
  },
  {name: 'one channel', input: [2, 9, 7, 1], filter: [3, 3], out: 1, strides: [1, 1], pad: 'same'},
  {name: 'cells in many blocks', input: [3, 17, 19, 5], filter: [3, 3], out: 7, strides: [1, 1], pad: 'same'},
  {
    name: 'a stride beyond the filter: cells that no tap sees',
    input: [2, 10, 11, 4],
    filter: [1, 2],
    out: 5,
    strides: [3, 3],
    pad: 'valid',
  },
  {
    name: 'patches that leave cells over',
    input: [2, 13, 9, 3],
    filter: [4, 4],
    out: 7,
    strides: [4, 4],
    pad: 'valid',
  },
  {
    name: 'patches side by side in rows that overlap',
    input: [1, 9, 8, 3],
    filter: [3, 2],
    out: 3,
    strides: [1, 2],
    pad: [
      [0, 0],
      [1, 1],
      [0, 0],
      [0, 0],
    ],
  },
];

/** The corners and `count` random cases; `maxOut` bounds `out`. */
export function convolutionCases(count: number, maxOut: number): ConvolutionCase[] {
  const random = seedrandom('convolution cases');
  const int = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const cases = corners.map((corner) => ({...corner, out: Math.min(corner.out, maxOut)}));
  for (let k = 0; k < count; k++) {
    const filter: [number, number] = [int(1, 5), int(1, 5)];
    const pads: Padding[] = [
      'same',
      'valid',
      [
        [0, 0],
        [int(0, 3), int(0, 3)],
        [int(0, 3), int(0, 3)],
        [0, 0],
      ],
    ];
    const one: Omit<ConvolutionCase, 'name'> = {
      // Never smaller than the filter, so that 'valid' has an output.
      input: [int(1, 3), filter[0] + int(0, 8), filter[1] + int(0, 8), int(1, 9)],
      filter,
      out: int(1, maxOut),
      strides: [int(1, 3), int(1, 3)],
      pad: pads[k % 3]!,
    };
    cases.push({...one, name: `random ${k}: ${JSON.stringify(one)}`});
  }
  return cases;
}
