/** Every shader with every choice of its parameters: one key for one text, and one text for one key. */
import {expect} from 'chai';
import {
  batchNormShader,
  statisticsPartsShader,
  statisticsShader,
} from '../../../../kernels/webgpu/operations/batch_norm.js';
import {batchNormGradShader, gradSumsShader} from '../../../../kernels/webgpu/operations/batch_norm_grad.js';
import {
  depthwiseConvolutionGradWeightShader,
  depthwiseConvolutionShader,
} from '../../../../kernels/webgpu/operations/depthwise_convolution.js';
import {geluShader} from '../../../../kernels/webgpu/operations/gelu.js';
import {layerNormShader} from '../../../../kernels/webgpu/operations/layer_norm.js';
import {layerNormGradShader} from '../../../../kernels/webgpu/operations/layer_norm_grad.js';
import {linearGradOutputShader} from '../../../../kernels/webgpu/operations/linear_grad.js';
import {adamShader, sgdShader} from '../../../../kernels/webgpu/operations/optimizer.js';
import {patchMergeShader} from '../../../../kernels/webgpu/operations/patch_merge.js';
import {windowAttentionShader} from '../../../../kernels/webgpu/operations/window_attention.js';
import {windowAttentionGradShader} from '../../../../kernels/webgpu/operations/window_attention_grad.js';
import {optionalSumsShader, tableSumsShader} from '../../../../kernels/webgpu/primitives/attention_sums.js';
import {columnSumsShader} from '../../../../kernels/webgpu/primitives/column_sums.js';
import {convolutionShader} from '../../../../kernels/webgpu/primitives/convolution_shader.js';
import {productShader} from '../../../../kernels/webgpu/primitives/product_shader.js';
import {sumPartsShader} from '../../../../kernels/webgpu/primitives/sum_parts.js';
import {peakShader} from '../../../../kernels/webgpu/runtime/peak.js';
import {
  type Parameters,
  type Shader,
  shaderKey,
  shaderText,
} from '../../../../kernels/webgpu/runtime/shader.js';
import {transposeShader} from '../../../../kernels/webgpu/tfjs/transpose.js';

/** For each parameter the values that it may have. */
type Choices<P> = {readonly [name in keyof P]: readonly P[name][]};

/** Every combination of the given choices. */
function combinations<P>(choices: Choices<P>): P[] {
  return Object.entries<readonly unknown[]>(choices).reduce<object[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({...one, [name]: value}))),
    [{}],
  ) as P[];
}

/** The cases of a shader: every combination of each group of choices. */
const casesOf = <P>(shader: Shader<P>, ...groups: Choices<P>[]) =>
  groups.flatMap(combinations).map((parameters) => ({
    ...{name: shader.name, parameters: parameters as Parameters},
    keyOf: (changed: Parameters) => shaderKey(shader, changed as P),
    textOf: (changed: Parameters) => shaderText(shader, changed as P),
  }));

const flag = [false, true];
const never = [false];
const float32 = ['numbers', 'vectors'] as const;
const storage = [...float32, 'f16'] as const;
const attention = {
  ...{headSize: [5, 32], storage, size: [64], lanes: [16, 64], block: [7, 49]},
  ...{cosine: flag, hidden: flag, padToken: flag, dropout: flag},
};

const layouts = {layoutA: ['rows', 'columns'], layoutB: ['rows', 'columns']} as const;
const storages = {storageA: storage, storageB: float32, storageC: storage};
const inRegisters = {tileRows: [64], tileColumns: [32], piece: [16], rows: [4], columns: [4]};
const onMatrixUnits = {
  ...{tileRows: [32, 64], tileColumns: [64], piece: [32], rows: [32], columns: [32]},
  ...{matrixRows: [8, 16], matrixColumns: [8, 16], matrixTerms: [8, 16], matrixLanes: [16, 32]},
};
const onOneMatrixUnit = {
  ...{...onMatrixUnits, tileRows: [64], matrixRows: [16], matrixColumns: [8, 16], matrixTerms: [16]},
};
const alone = {
  ...{keepStatistics: never, ones: never, scaleB: never, bias: never, gelu: never, z: never},
  ...{scale: never, addend: never, keepMaxima: never},
};
const rows = ['rows'] as const;
const columns = ['columns'] as const;
const norm = {
  ...alone,
  ...{layoutA: rows, layoutB: rows, prologue: ['norm'] as const, keepStatistics: flag, bias: flag},
  ...{storageA: storage, storageB: float32, storageC: float32},
};
const weightGradient = {
  ...alone,
  ...{layoutA: columns, layoutB: rows, ones: flag, scaleB: flag},
  ...{storageA: storage, storageB: float32, storageC: float32},
  prologue: [undefined, 'gelu', 'norm'] as const,
};
const inputGradient = {
  ...{...alone, ...storages, layoutA: rows, layoutB: columns},
  ...{gradient: ['a'] as const, keepMaxima: flag},
};

/** The cases of each shader. */
const shaders = [
  casesOf(
    productShader,
    {
      ...{...alone, ...layouts, ...inRegisters, ...storages},
      ...{prologue: [undefined, 'gelu'], bias: flag, gelu: flag, z: flag},
    },
    {...alone, ...layouts, ...inRegisters, ...storages, slope: storage, scale: flag, addend: flag},
    {
      ...{...alone, ...layouts, ...inRegisters, ...storages},
      ...{tileRows: [32], tileColumns: [16, 32], piece: [8, 16]},
    },
    {...norm, ...inRegisters},
    {...weightGradient, ...inRegisters},
    {...alone, ...layouts, ...onMatrixUnits, ...storages},
    {...norm, ...onOneMatrixUnit},
    {...inputGradient, ...onOneMatrixUnit},
    {...weightGradient, ...onOneMatrixUnit, gradient: ['b']},
  ),
  casesOf(convolutionShader, {
    ...{...inRegisters, tileRows: [32, 64], result: ['value', 'filter', 'input']},
    ...{storageA: float32, storageB: float32, storageC: float32},
    ...{bias: flag, activation: [undefined, 'relu', 'relu6']},
  }),
  casesOf(transposeShader, {}),
  casesOf(windowAttentionShader, attention),
  casesOf(windowAttentionGradShader, {...attention, tokens: [16, 49]}),
  casesOf(tableSumsShader, {}),
  casesOf(optionalSumsShader, {kind: ['scale', 'pad']}),
  casesOf(layerNormShader, {
    ...{storage, subgroups: flag, lanes: [8, 64], scale: flag, residual: flag, save: flag},
  }),
  casesOf(layerNormGradShader, {
    ...{storage, subgroups: flag, lanes: [8, 64], own: [1, 3], given: flag, addend: flag, scale: flag},
  }),
  casesOf(geluShader, {storage: float32}),
  casesOf(linearGradOutputShader, {storage: float32, slope: flag, scale: flag}),
  casesOf(columnSumsShader, {}),
  casesOf(statisticsPartsShader, {}),
  casesOf(statisticsShader, {}),
  casesOf(gradSumsShader, {}),
  casesOf(batchNormShader, {storage: float32, gamma: flag, beta: flag}),
  casesOf(batchNormGradShader, {storage: float32, batch: flag, gamma: flag}),
  casesOf(sumPartsShader, {results: [1, 2, 7, 15]}),
  casesOf(depthwiseConvolutionShader, {
    ...{storage: float32, turned: flag, bias: flag, residual: flag, addend: flag},
  }),
  casesOf(depthwiseConvolutionGradWeightShader, {storage: float32}),
  casesOf(patchMergeShader, {storage: float32, grad: flag}),
  casesOf(peakShader, {}),
  casesOf(adamShader, {variables: [1, 2, 5]}),
  casesOf(sgdShader, {variables: [1, 2, 5], momentum: [undefined, 'classical', 'nesterov']}),
];

const cases = shaders.flat();

describe('webgpu shaders', () => {
  it('never share a key where their texts differ, and have no two keys for one text', () => {
    const texts = new Map<string, string>();
    const keys = new Map<string, string>();
    for (const {parameters, keyOf, textOf} of cases) {
      const [key, text] = [keyOf(parameters), textOf(parameters)];
      expect(texts.get(key) ?? text, key).to.equal(text);
      expect(keys.get(text) ?? key, 'the keys of one text').to.equal(key);
      texts.set(key, text);
      keys.set(text, key);
    }
    expect(texts.size).to.be.above(2500);
  });

  it('have the same key and text where a parameter is false, undefined or absent', () => {
    let count = 0;
    for (const {parameters, keyOf, textOf} of cases) {
      const entries = Object.entries(parameters);
      const absent = Object.fromEntries(
        entries.filter(([, value]) => value !== false && value !== undefined),
      );
      if (Object.keys(absent).length === entries.length) continue;
      count++;
      expect(keyOf(absent)).to.equal(keyOf(parameters));
      expect(textOf(absent), keyOf(absent)).to.equal(textOf(parameters));
    }
    expect(count).to.be.above(1000);
  });

  it('have the same key whatever the order of the parameters, and other keys for 0 and empty text', () => {
    const key = (parameters: object) => shaderKey(patchMergeShader, parameters as never);
    expect(key({storage: 'vectors', grad: true})).to.equal(key({grad: true, storage: 'vectors'}));
    expect(key({storage: 'vectors'})).to.not.equal(key({storage: 'vectors', grad: true}));
    expect(key({storage: 'vectors', count: 0})).to.not.equal(key({storage: 'vectors'}));
    expect(key({storage: ''})).to.not.equal(key({}));
  });

  it('have names of their own', () => {
    const names = shaders.map(([{name}]) => name);
    expect(new Set(names).size).to.equal(names.length);
  });
});
