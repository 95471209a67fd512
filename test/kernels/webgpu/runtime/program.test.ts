import {expect} from 'chai';
import {
  batchNormGradShader,
  batchNormShader,
  gradSumsShader,
  statisticsPartsShader,
  statisticsShader,
} from '../../../../kernels/webgpu/operations/batch_norm.js';
import {layerNormGradShader, layerNormShader} from '../../../../kernels/webgpu/operations/layer_norm.js';
import {linearGradOutputShader} from '../../../../kernels/webgpu/operations/linear.js';
import {adamShader, sgdShader} from '../../../../kernels/webgpu/operations/optimizer.js';
import {patchMergeShader} from '../../../../kernels/webgpu/operations/patch_merge.js';
import {windowAttentionShader} from '../../../../kernels/webgpu/operations/window_attention.js';
import {
  optionalSumsShader,
  tableSumsShader,
  windowAttentionGradShader,
} from '../../../../kernels/webgpu/operations/window_attention_grad.js';
import {columnSumsShader} from '../../../../kernels/webgpu/primitives/column_sums.js';
import {convolutionShader} from '../../../../kernels/webgpu/primitives/convolution.js';
import {productShader} from '../../../../kernels/webgpu/primitives/product.js';
import {sumPartsShader} from '../../../../kernels/webgpu/primitives/sum_parts.js';
import {peakShader} from '../../../../kernels/webgpu/runtime/peak.js';
import {
  type Parameters,
  type Shader,
  shaderKey,
  shaderText,
} from '../../../../kernels/webgpu/runtime/program.js';
import {transposeShader} from '../../../../kernels/webgpu/tfjs/transpose.js';

/** Every combination of the given choices. */
function combinations(choices: Record<string, unknown[]>): Parameters[] {
  return Object.entries(choices).reduce<Parameters[]>(
    (all, [name, values]) =>
      all.flatMap((one) => values.map((value) => ({...one, [name]: value}) as Parameters)),
    [{}],
  );
}

const flag = [undefined, true];
const both = [false, true];
const attention = {
  headSize: [5, 32],
  vector: both,
  half: flag,
  size: [64],
  lanes: [16, 64],
  block: [7, 49],
  cosine: flag,
  hidden: flag,
  padToken: flag,
  dropout: flag,
};

/** Every shader, with choices for all of its parameters. */
const shaders: [Shader<never>, Record<string, unknown[]>][] = [
  [
    productShader,
    {
      a: ['rows', 'columns'],
      b: ['rows', 'columns'],
      tileRows: [32, 64],
      tileColumns: [32],
      piece: [16],
      rows: [4],
      columns: [4],
      vectorA: both,
      vectorB: both,
      vectorC: both,
      prologue: [undefined, 'gelu', 'norm'],
      bias: flag,
      gelu: flag,
      scale: flag,
      halfA: flag,
      halfC: flag,
      halfSlope: flag,
    },
  ],
  [
    productShader,
    {
      ...{a: ['rows', 'columns'], b: ['rows', 'columns'], tileRows: [32, 64], tileColumns: [64], piece: [32]},
      ...{
        rows: [32],
        columns: [32],
        vectorA: both,
        vectorB: both,
        vectorC: both,
        prologue: [undefined, 'norm'],
      },
      ...{matrixRows: [8, 16], matrixColumns: [8, 16], matrixTerms: [8, 16], matrixLanes: [16, 32]},
      ...{gradient: [undefined, 'a', 'b'], keepMaxima: flag},
    },
  ],
  [
    convolutionShader,
    {
      result: ['value', 'filter', 'input'],
      tileRows: [32, 64],
      tileColumns: [32],
      piece: [16],
      rows: [4],
      columns: [4],
      vectorA: both,
      vectorB: both,
      vectorC: both,
      bias: flag,
      activation: [undefined, 'relu', 'relu6'],
    },
  ],
  [transposeShader, {}],
  [windowAttentionShader, attention],
  [windowAttentionGradShader, {...attention, tokens: [16, 49], padGradient: flag}],
  [tableSumsShader, {}],
  [optionalSumsShader, {kind: ['scale', 'pad']}],
  [
    layerNormShader,
    {vector: both, half: flag, subgroups: flag, lanes: [8, 64], scale: flag, residual: flag, keep: flag},
  ],
  [
    layerNormGradShader,
    {
      vector: both,
      half: flag,
      subgroups: flag,
      lanes: [8, 64],
      own: [1, 3],
      given: flag,
      addend: flag,
      scale: flag,
    },
  ],
  [linearGradOutputShader, {vector: both, slope: both, scale: both}],
  [columnSumsShader, {}],
  [statisticsPartsShader, {}],
  [statisticsShader, {}],
  [gradSumsShader, {}],
  [batchNormShader, {vector: both, gamma: flag, beta: flag}],
  [batchNormGradShader, {vector: both, batch: both, gamma: flag}],
  [sumPartsShader, {results: [1, 2, 7, 15]}],
  [patchMergeShader, {vector: both, grad: both}],
  [peakShader, {}],
  [adamShader, {variables: [1, 2, 5]}],
  [sgdShader, {variables: [1, 2, 5], momentum: both, nesterov: both}],
] as never;

describe('webgpu shaders', () => {
  it('never share a key where their texts differ', () => {
    const texts = new Map<string, string>();
    let count = 0;
    for (const [shader, choices] of shaders) {
      for (const parameters of combinations(choices)) {
        const key = shaderKey(shader, parameters as never);
        const text = shaderText(shader, parameters as never);
        expect(texts.get(key) ?? text, key).to.equal(text);
        texts.set(key, text);
        count++;
      }
    }
    expect(count).to.be.above(2500);
    // One key for each combination: keys that everything shared would pass the test above only by luck.
    expect(texts.size).to.equal(count);
  });

  it('have the same key whatever the order of the parameters, absent ones left out', () => {
    const one = {vector: true, grad: false};
    const other = {grad: false, vector: true, scale: undefined};
    expect(shaderKey(patchMergeShader, one)).to.equal(shaderKey(patchMergeShader, other as never));
    expect(shaderKey(patchMergeShader, one)).to.not.equal(shaderKey(patchMergeShader, {...one, grad: true}));
  });

  it('have names of their own', () => {
    const all = new Set(shaders.map(([shader]) => shader));
    expect(new Set([...all].map(({name}) => name)).size).to.equal(all.size);
  });
});
