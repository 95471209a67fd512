import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  adamUpdate,
  batchNorm,
  batchStatistics,
  ConfigError,
  layerNorm,
  linear,
  patchMerge,
  ShapeError,
  SwintError,
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
    /windowSize must be 2 numbers, one per axis, each a whole number from 1; got \[/,
  ],
  [
    'windowAttention: shift 2 of 2',
    () => attention({}, {shift: [2, 0]}),
    ConfigError,
    /shift\[\d\] must be a whole number from 0 to \d+; got .* \(the windows are \[/,
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

const i = (...shape: number[]) => tf.zeros(shape, 'int32') as never;
const gone = (...shape: number[]) => {
  const tensor = tf.zeros(shape);
  tensor.dispose();
  return tensor as never;
};

/** Every operation with inputs and attributes that it takes, and calls of it with others. */
const operations: Record<
  string,
  {inputs: Record<string, unknown>; attrs?: object; call: (inputs: never, attrs: never) => unknown}
> = {
  linear: {inputs: {x: z(2, 3), weight: z(3, 5), bias: z(5)}, attrs: {activation: 'gelu'}, call: linear},
  layerNorm: {inputs: {x: z(2, 3), gamma: z(3), beta: z(3)}, attrs: {epsilon: 1e-5}, call: layerNorm},
  batchNorm: {
    inputs: {x: z(2, 3), mean: z(3), variance: z(3)},
    attrs: {axis: 1, epsilon: 1e-3, statistics: 'moving'},
    call: batchNorm,
  },
  patchMerge: {inputs: {x: z(1, 2, 2, 3)}, call: patchMerge},
  windowAttention: {
    inputs: {qkv: z(1, 4, 4, 12), table: z(9, 2)},
    attrs: {numHeads: 2, windowSize: [2, 2], shift: [0, 0], padding: 'masked', score: 'dot', scale: 1},
    call: windowAttention,
  },
  swinBlock: {
    inputs: {
      ...{x: z(2, 4, 4, 4), gamma1: z(4), beta1: z(4), gamma2: z(4), beta2: z(4), table: z(9, 2)},
      ...{qkvWeight: z(4, 12), qkvBias: z(12), projWeight: z(4, 4), projBias: z(4)},
      ...{fc1Weight: z(4, 6), fc1Bias: z(6), fc2Weight: z(6, 4), fc2Bias: z(4)},
    },
    attrs: {
      attention: {numHeads: 2, windowSize: [2, 2], shift: [0, 0], padding: 'masked', score: 'dot', scale: 1},
      ...{norm: 'pre', epsilon: 1e-5},
    },
    call: swinBlock,
  },
  'adamUpdate(variable 0)': {
    inputs: {value: z(2), gradient: z(2), m: z(2), v: z(2)},
    attrs: {beta1: 0.9, beta2: 0.99, rate: 0.1, epsilon: 1e-8, decay: [1]},
    call: (inputs, attrs) => adamUpdate([inputs], attrs),
  },
  'sgdUpdate(variable 0)': {
    inputs: {value: z(2), gradient: z(2)},
    attrs: {learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: [0]},
    call: (inputs, attrs) => sgdUpdate([inputs], attrs),
  },
};

describe('inputs of operations that are no float32 tensors', () => {
  for (const [name, {inputs, attrs, call}] of Object.entries(operations)) {
    const required =
      name === 'swinBlock' ? ['x', 'projBias', 'table'] : Object.keys(inputs).filter((one) => one !== 'bias');
    const run = (changed: object, others: unknown = attrs) =>
      call({...inputs, ...changed} as never, others as never);

    it(`${name} takes what it should`, () => {
      expect(() => run({})).not.to.throw();
    });

    for (const input of required) {
      const {shape} = inputs[input] as tf.Tensor;
      it(`${name}: ${input} of integers, of an array, disposed, null and missing`, () => {
        const refused = (value: unknown, message: string) =>
          expect(() => run({[input]: value})).to.throw(ConfigError, `${name}: ${input} ${message}`);
        refused(i(...shape), `must be float32; got int32 (tf.cast(${input}, 'float32') makes it so).`);
        refused(tf.zeros(shape, 'bool'), 'must be float32; got bool');
        refused([[1, 2]], 'must be a tensor; got [[1, 2]] (tf.tensor makes one of numbers).');
        refused(new Array(1e4).fill(0), 'must be a tensor; got an array of 10000');
        refused(new Float32Array(6), 'must be a tensor; got a Float32Array');
        refused(gone(...shape), 'must still be there; got a tensor that is disposed.');
        refused(null, 'must be a tensor; got null');
        refused(undefined, 'is required; got none (pass ');
      });
    }

    it(`${name}: an input that it does not have, and no inputs`, () => {
      const other = required[0].toUpperCase();
      expect(() => run({[other]: z(1)})).to.throw(
        ConfigError,
        `${name}: arguments must be among those that it takes; got ${other} (try `,
      );
      expect(() => call(null as never, attrs as never)).to.throw(
        ConfigError,
        'the arguments must be an object; got null',
      );
    });

    if (attrs === undefined) continue;
    const operation = name.replace(/\(.*/, '');

    it(`${name}: attributes that are missing, null, unknown, NaN or texts`, () => {
      expect(() => run({}, null)).to.throw(
        ConfigError,
        `${operation}: the arguments must be an object; got null`,
      );
      expect(() => run({}, {...attrs, zzz: 1})).to.throw(ConfigError, /got zzz \(it takes /);
      for (const attribute of Object.keys(attrs).filter((one) => one !== 'nesterov')) {
        for (const wrong of [undefined, Number.NaN, '1']) {
          const caught = () => run({}, {...attrs, [attribute]: wrong});
          expect(caught, `${attribute}: ${wrong}`).to.throw(
            SwintError,
            new RegExp(`^${operation}: .*; got .*\\.$`),
          );
        }
      }
    });
  }

  it('attention and swinBlock: the attributes of attention', () => {
    const wrong: [object, RegExp][] = [
      [{numHeads: 0}, /: numHeads must be a whole number from 1; got 0/],
      [{windowSize: 2}, /: windowSize must be two numbers, \[rows, columns\]; got 2/],
      [{shift: undefined}, /: shift must be two numbers, \[rows, columns\]; got undefined/],
      [{padding: 'same'}, /: padding must be one of 'masked', 'attended'; got 'same'/],
      [{score: 'cos'}, /: score must be one of 'dot', 'cosine'; got 'cos'/],
      [{scale: undefined}, /: scale must be a finite number; got undefined/],
      [{window: [2, 2]}, /got window \(give windowSize\)/],
      [{dropout: {rate: 1, seed: 1}}, /: dropout.rate must be a number in \[0, 1\); got 1/],
      [{dropout: {rate: 0.5}}, /: dropout.seed must be a whole number; got undefined/],
      [{dropout: 0.5}, /: dropout: the arguments must be an object; got 0.5/],
    ];
    for (const [attrs, message] of wrong) {
      expect(() => attention({}, attrs)).to.throw(ConfigError, message);
      expect(() => block({}, {}, attrs)).to.throw(ConfigError, message);
    }
  });

  it('batchStatistics', () => {
    expect(() => batchStatistics(i(2, 3), 1)).to.throw(
      ConfigError,
      /^batchStatistics: x must be float32; got int32/,
    );
    expect(() => batchStatistics([1] as never, 1)).to.throw(ConfigError, /x must be a tensor; got \[1\]/);
    expect(() => batchStatistics(z(2, 3), 2)).to.throw(ShapeError, /axis must be one of x, .* got axis 2/);
    expect(() => batchStatistics(z(2, 3), undefined as never)).to.throw(ShapeError, /got axis undefined/);
  });

  it('updates of what is no list', () => {
    expect(() => adamUpdate({} as never, {} as never)).to.throw(
      ConfigError,
      /adamUpdate: the variables must be a list; got \{\}/,
    );
    expect(() => sgdUpdate([z(2)], {} as never)).to.throw(ConfigError);
  });
});
