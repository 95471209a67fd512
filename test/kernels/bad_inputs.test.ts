import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  adamUpdate,
  batchNorm,
  ConfigError,
  layerNorm,
  linear,
  patchMerge,
  ShapeError,
  sgdUpdate,
  swinBlock,
  windowAttention,
} from '../../kernels/index.js';

const z = (...shape: number[]) => tf.zeros(shape) as never;
const attention = (inputs: object, attrs: object = {}) =>
  windowAttention({qkv: z(1, 4, 4, 12), table: z(9, 2), ...inputs}, {
    numHeads: 2,
    windowSize: [2, 2],
    shift: [0, 0],
    padding: 'masked',
    score: 'dot',
    scale: 1,
    ...attrs,
  } as never);

const block = (inputs: object, attrs: object = {}, attention: object = {}) =>
  swinBlock(
    {
      ...{x: z(2, 4, 4, 4), gamma1: z(4), beta1: z(4), gamma2: z(4), beta2: z(4), table: z(9, 2)},
      ...{qkvWeight: z(4, 12), qkvBias: z(12), projWeight: z(4, 4), projBias: z(4)},
      ...{fc1Weight: z(4, 6), fc1Bias: z(6), fc2Weight: z(6, 4), fc2Bias: z(4)},
      ...inputs,
    },
    {
      attention: {
        ...{numHeads: 2, windowSize: [2, 2], shift: [0, 0], padding: 'masked', score: 'dot', scale: 1},
        ...attention,
      },
      ...{norm: 'pre', epsilon: 1e-5},
      ...attrs,
    } as never,
  );

const cases: [string, () => unknown, typeof ConfigError | typeof ShapeError, RegExp][] = [
  [
    'linear: a weight of other channels',
    () => linear({x: z(2, 3), weight: z(4, 5)}),
    ShapeError,
    /linear: weight must have shape \[3, \*\] .*; got \[4, 5\]/,
  ],
  [
    'linear: a bias of other units',
    () => linear({x: z(2, 3), weight: z(3, 5), bias: z(4)}),
    ShapeError,
    /bias/,
  ],
  [
    'linear: a residual of another shape',
    () => linear({x: z(2, 3), weight: z(3, 5), residual: z(2, 3)}),
    ShapeError,
    /residual must have shape \[2, 5\]/,
  ],
  [
    'linear: one scale too many',
    () => linear({x: z(2, 3), weight: z(3, 5), sampleScale: z(3)}),
    ShapeError,
    /sampleScale/,
  ],
  [
    'layerNorm: a gain of other channels',
    () => layerNorm({x: z(2, 3), gamma: z(4), beta: z(3)}),
    ShapeError,
    /gamma/,
  ],
  [
    'patchMerge: rank 3',
    () => patchMerge({x: z(2, 3, 4)}),
    ShapeError,
    /x must have shape \[\*, \*, \*, \*\]/,
  ],
  [
    'batchNorm: an axis that is not there',
    () => batchNorm({x: z(2, 3), mean: z(3), variance: z(3)}, {axis: 2, epsilon: 1, statistics: 'batch'}),
    ShapeError,
    /axis must be one of x/,
  ],
  [
    'adamUpdate: a gradient of another shape',
    () => adamUpdate([{value: z(2, 3), gradient: z(3, 2), m: z(2, 3), v: z(2, 3)}], {decay: [1]} as never),
    ShapeError,
    /adamUpdate: gradient must have shape \[2, 3\] \(that of value\); got \[3, 2\]/,
  ],
  [
    'sgdUpdate: a velocity of another shape',
    () => sgdUpdate([{value: z(2), gradient: z(2), velocity: z(3)}], {weightDecay: [0]} as never),
    ShapeError,
    /sgdUpdate: velocity must have shape \[2\]/,
  ],
  ['windowAttention: rank 3', () => attention({qkv: z(4, 4, 12)}), ShapeError, /qkv must have shape/],
  [
    'windowAttention: 10 is not 3 * 2 * d',
    () => attention({qkv: z(1, 4, 4, 10)}),
    ShapeError,
    /got 10 for 2 heads/,
  ],
  [
    'windowAttention: a table for another window',
    () => attention({table: z(25, 2)}),
    ShapeError,
    /table must have shape \[9, 2\]/,
  ],
  [
    'windowAttention: windowSize 0',
    () => attention({}, {windowSize: [0, 2]}),
    ConfigError,
    /windowSize must be two positive/,
  ],
  [
    'windowAttention: shift 2 of 2',
    () => attention({}, {shift: [2, 0]}),
    ConfigError,
    /shift must be from 0/,
  ],
  [
    'windowAttention: cosine without a scale',
    () => attention({}, {score: 'cosine'}),
    ConfigError,
    /needs logitScale/,
  ],
  [
    'windowAttention: a pad token of C',
    () => attention({padToken: z(4)}),
    ShapeError,
    /padToken must have shape \[12\]/,
  ],
  [
    'swinBlock: rank 3',
    () => block({x: z(4, 4, 4)}),
    ShapeError,
    /swinBlock: x must have shape \[\*, \*, \*, \*\]/,
  ],
  [
    'swinBlock: 3 heads of 4 channels',
    () => block({}, {}, {numHeads: 3}),
    ShapeError,
    /swinBlock: numHeads must divide the channels of x; got 4 channels and 3 heads \(try 2 or 4\)/,
  ],
  [
    'swinBlock: no such norm',
    () => block({}, {norm: 'before'}),
    ConfigError,
    /norm must be one of 'pre', 'post'/,
  ],
  [
    'swinBlock: windowSize 0',
    () => block({}, {}, {windowSize: [0, 2]}),
    ConfigError,
    /swinBlock: windowSize/,
  ],
  [
    'swinBlock: cosine without a scale',
    () => block({}, {}, {score: 'cosine'}),
    ConfigError,
    /swinBlock: score 'cosine' needs logitScale/,
  ],
  [
    'swinBlock: no bias of the projection',
    () => block({projBias: undefined}),
    ConfigError,
    /swinBlock: projBias is required; got none \(pass \[C\]\)/,
  ],
  ...(
    [
      ['gamma1', [3], '4'],
      ['beta2', [5], '4'],
      ['qkvWeight', [4, 8], '4, 12'],
      ['qkvBias', [4], '12'],
      ['table', [25, 2], '9, 2'],
      ['padToken', [4], '12'],
      ['projWeight', [4, 12], '4, 4'],
      ['fc1Weight', [6, 4], '4, \\*'],
      ['fc1Bias', [4], '6'],
      ['fc2Weight', [4, 6], '6, 4'],
      ['fc2Bias', [6], '4'],
      ['sampleScale1', [4], '2'],
      ['sampleScale2', [1], '2'],
    ] as const
  ).map(([name, shape, expected]): (typeof cases)[number] => [
    `swinBlock: ${name} of [${shape.join(', ')}]`,
    () => block({[name]: z(...shape)}),
    ShapeError,
    new RegExp(`swinBlock: ${name} must have shape \\[${expected}\\]`),
  ]),
];

describe('bad inputs of operations', () => {
  for (const [name, call, type, message] of cases) {
    it(`${name}: one ${type.name}`, () => {
      expect(call).to.throw(type, message);
    });
  }
});
