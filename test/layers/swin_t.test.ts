import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {SwinT, type SwinTArgs, swinT} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {expectAbsClose, expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

function apply(layer: tf.layers.Layer, x: tf.Tensor, training = false): tf.Tensor {
  return layer.apply(x, {training}) as tf.Tensor;
}

function values(x: tf.Tensor): Float32Array {
  return x.dataSync() as Float32Array;
}

describe('SwinT', () => {
  const base: SwinTArgs = {numHeads: 2, windowSize: 4};

  describe('shapes', () => {
    const cases: [string, SwinTArgs, number[], number[]][] = [
      ['keeps the shape', base, [2, 8, 8, 8], [2, 8, 8, 8]],
      ['projects', {...base, outChannels: 12}, [2, 8, 8, 8], [2, 12, 8, 8]],
      ['calls output channels filters as well', {...base, filters: 12}, [2, 8, 8, 8], [2, 12, 8, 8]],
      ['halves', {...base, outChannels: 16, downsample: true}, [2, 8, 8, 8], [2, 16, 4, 4]],
      ['halves odd sizes upwards', {...base, downsample: true}, [2, 8, 9, 7], [2, 8, 5, 4]],
      ['reads strides', {...base, strides: 2}, [1, 8, 8, 8], [1, 8, 4, 4]],
      ['reads strides of one', {...base, strides: [1, 1]}, [1, 8, 8, 8], [1, 8, 8, 8]],
      ['takes channelsLast', {...base, dataFormat: 'channelsLast', strides: 2}, [2, 6, 5, 8], [2, 3, 3, 8]],
      ['takes one cell', {...base, downsample: true, outChannels: 4}, [1, 8, 1, 1], [1, 4, 1, 1]],
      ['takes rectangular windows', {...base, windowSize: [2, 5]}, [1, 8, 7, 11], [1, 8, 7, 11]],
      ['takes one head', {numHeads: 1, windowSize: 3}, [1, 5, 6, 6], [1, 5, 6, 6]],
    ];
    for (const [name, args, input, output] of cases) {
      for (const variant of ['v1', 'v2', 'miziha'] as const) {
        it(`${name}, ${variant}`, () => {
          const layer = swinT({...args, variant});
          const known = layer.computeOutputShape(input);
          const x = tf.randomNormal(input);
          const y = apply(layer, x);
          expect(known).to.deep.equal(output);
          expect(y.shape).to.deep.equal(output);
          expect(values(y).every(Number.isFinite)).to.equal(true);
          const last = args.dataFormat === 'channelsLast';
          const unknown = input.map((n, i) => (i === (last ? 3 : 1) ? n : null));
          const kept = output.map((n, i) => (i === (last ? 3 : 1) ? n : null));
          expect(layer.computeOutputShape(unknown)).to.deep.equal(kept);
          tf.dispose([x, y]);
          layer.dispose();
        });
      }
    }
  });

  it('names its weights as timm does, under its own name', () => {
    const layer = swinT({...base, outChannels: 16, downsample: true, name: 'stage1'});
    layer.build([null, 8, null, null]);
    const model = tf.sequential({
      layers: [tf.layers.inputLayer({inputShape: [8, 4, 4]}), swinT({...base, name: 's'})],
    });
    const names = model.weights.map(({originalName}) => originalName);
    expect(names.slice(0, 7)).to.deep.equal([
      's/blocks.0.norm1.weight',
      's/blocks.0.norm1.bias',
      's/blocks.0.attn.qkv.weight',
      's/blocks.0.attn.qkv.bias',
      's/blocks.0.attn.relative_position_bias_table',
      's/blocks.0.attn.proj.weight',
      's/blocks.0.attn.proj.bias',
    ]);
    expect(layer.weights.map(({originalName}) => originalName).slice(-3)).to.deep.equal([
      'downsample.reduction.weight',
      'downsample.norm.weight',
      'downsample.norm.bias',
    ]);
    model.dispose();
  });

  it('counts the parameters of the published stage', () => {
    // Stage 1 of Swin-T with its merging: two blocks of width 96, 3 heads, window 7, then 384 to 192.
    const layer = swinT({numHeads: 3, outChannels: 192, downsample: true});
    layer.build([null, 96, 56, 56]);
    const block =
      2 * 96 + (96 * 288 + 288) + 169 * 3 + (96 * 96 + 96) + 2 * 96 + (96 * 384 + 384) + (384 * 96 + 96);
    expect(layer.countParams()).to.equal(2 * block + 384 * 192 + 2 * 384);
  });

  it('projects where the channels stay too, where asked for', async () => {
    const args: SwinTArgs = {...base, inputShape: [8, 9, 10], projection: true, name: 'stage'};
    const model = tf.sequential({layers: [swinT(args)]});
    const [weight, bias] = model.weights.slice(-2);
    expect([weight, bias].map(({originalName, shape}) => [originalName, shape])).to.deep.equal([
      ['stage/projection.weight', [8, 8]],
      ['stage/projection.bias', [8]],
    ]);
    weight.write(tf.zeros([8, 8]));
    bias.write(tf.range(0, 8));
    const loaded = await savedAndLoaded(model);
    const y = loaded.predict(tf.randomNormal([1, 8, 9, 10])) as tf.Tensor;
    const expected = tf.broadcastTo(tf.reshape(tf.range(0, 8), [1, 8, 1, 1]), [1, 8, 9, 10]);
    expectBitEqual('y', values(y), values(expected));
  });

  it('computes the same in both data formats', () => {
    const seeded = () => tf.initializers.truncatedNormal({stddev: 0.3, seed: 5});
    for (const variant of ['v1', 'v2', 'miziha'] as const) {
      const args: SwinTArgs = {...base, outChannels: 6, downsample: true, variant};
      const first = swinT({...args, kernelInitializer: seeded()});
      const last = swinT({...args, kernelInitializer: seeded(), dataFormat: 'channelsLast'});
      const x = tf.randomNormal([2, 8, 9, 6]);
      const a = apply(first, x);
      const b = tf.transpose(apply(last, tf.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]);
      expectAbsClose(variant, values(a), values(b), 1e-6);
    }
  });

  it('clamps a window larger than the map to the same result as a fitting one', () => {
    // The inner rows of the larger bias table are the fitting window's table.
    const x = tf.randomNormal([1, 8, 3, 3]);
    const initial = () => tf.initializers.randomNormal({stddev: 0.3, seed: 3});
    const large = swinT({numHeads: 2, windowSize: 5, kernelInitializer: initial()});
    const fitting = swinT({numHeads: 2, windowSize: 3, kernelInitializer: initial()});
    tf.dispose([apply(large, x), apply(fitting, x)]);
    const inner = large.getWeights().map((weight) => {
      if (weight.shape[0] !== 81) return weight;
      return tf.reshape(tf.slice(tf.reshape(weight, [9, 9, 2]), [2, 2, 0], [5, 5, 2]), [25, 2]);
    });
    fitting.setWeights(inner);
    expectAbsClose('y', values(apply(large, x)), values(apply(fitting, x)), 1e-6);
  });

  it('sees across windows only through the shift', () => {
    // The value of a cell in one corner of a window must reach the neighbouring window in a pair, but not alone.
    const layer = swinT({
      numHeads: 1,
      windowSize: 2,
      kernelInitializer: tf.initializers.randomNormal({seed: 1}),
    });
    const x = tf.zeros([1, 2, 4, 4]);
    const spike = tf.buffer([1, 2, 4, 4]);
    spike.set(3, 0, 0, 1, 1);
    const change = values(tf.sub(apply(layer, spike.toTensor()), apply(layer, x)));
    const at = (row: number, column: number) => Math.abs(change[row * 4 + column]);
    expect(at(2, 2)).to.be.greaterThan(1e-4);
    expect(at(3, 3)).to.equal(0);
  });

  describe('configuration', () => {
    const full: SwinTArgs = {
      numHeads: 2,
      windowSize: [3, 4],
      outChannels: 6,
      depth: 4,
      downsample: true,
      mlpRatio: 2,
      qkvBias: false,
      qkScale: 0.3,
      dropout: 0.1,
      attentionDropout: 0.2,
      dropPath: [0, 0.1, 0.2, 0.3],
      variant: 'miziha',
      padding: 'attended',
      dataFormat: 'channelsLast',
      inChannels: 8,
      inputResolution: [9, 10],
      seed: 4,
      kernelInitializer: 'heNormal',
      kernelRegularizer: 'l1l2',
      biasConstraint: 'nonNeg',
      name: 'full',
      trainable: false,
    };

    it('round-trips through getConfig and fromConfig', () => {
      const layer = swinT(full);
      const config = layer.getConfig();
      const again = SwinT.fromConfig(SwinT as never, JSON.parse(JSON.stringify(config))) as SwinT;
      expect(again.getConfig()).to.deep.equal(config);
      expect(config.numHeads).to.equal(2);
      expect(config.windowSize).to.deep.equal([3, 4]);
      expect(config.qkScale).to.equal(0.3);
      expect(config.dropPath).to.deep.equal([0, 0.1, 0.2, 0.3]);
      expect(JSON.stringify(config.kernelInitializer)).to.contain('VarianceScaling');
      expect(JSON.stringify(config.kernelRegularizer)).to.contain('L1L2');
    });

    for (const args of [full, base, {...base, variant: 'v2', pretrainedWindowSize: 8} as SwinTArgs]) {
      it(`saves and loads bit-equal: ${args.name ?? args.variant ?? 'default'}`, async () => {
        const model = tf.sequential();
        model.add(
          swinT({
            ...args,
            inputShape: args.dataFormat === 'channelsLast' ? [9, 10, 8] : [8, 9, 10],
          } as SwinTArgs),
        );
        const loaded = await savedAndLoaded(model);
        const x = tf.randomNormal(args.dataFormat === 'channelsLast' ? [2, 9, 10, 8] : [2, 8, 9, 10]);
        const before = model.predict(x) as tf.Tensor;
        expectBitEqual('y', values(loaded.predict(x) as tf.Tensor), values(before));
        expect(loaded.layers.at(-1)?.getConfig()).to.deep.equal(model.layers.at(-1)?.getConfig());
        expect(loaded.countParams()).to.equal(model.countParams());
      });
    }
  });

  describe('as a layer among others', () => {
    it('has the counts of summary() right, frozen or not', () => {
      const lines: string[] = [];
      const layer = swinT({...base, inputShape: [8, 8, 8]} as SwinTArgs);
      const model = tf.sequential({layers: [layer, tf.layers.flatten(), tf.layers.dense({units: 3})]});
      const total = layer.countParams() + 8 * 8 * 8 * 3 + 3;
      model.summary(undefined, undefined, (line) => lines.push(line));
      expect(lines.join('\n')).to.contain(`Total params: ${total}`).and.contain(`Trainable params: ${total}`);
      layer.trainable = false;
      lines.length = 0;
      model.summary(undefined, undefined, (line) => lines.push(line));
      expect(lines.join('\n')).to.contain(`Non-trainable params: ${layer.countParams()}`);
    });

    it('stays as it is while frozen, and trains once it is thawed', async () => {
      const layer = swinT({...base, inputShape: [8, 4, 4]} as SwinTArgs);
      const model = tf.sequential({layers: [layer, tf.layers.flatten(), tf.layers.dense({units: 1})]});
      const [x, y] = [tf.randomNormal([4, 8, 4, 4]), tf.randomNormal([4, 1])];
      const snapshot = () => layer.getWeights().map((w) => Array.from(w.dataSync()));
      layer.trainable = false;
      model.compile({optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError'});
      const before = snapshot();
      await model.fit(x, y, {epochs: 2, verbose: 0});
      expect(snapshot()).to.deep.equal(before);
      layer.trainable = true;
      model.compile({optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError'});
      await model.fit(x, y, {epochs: 2, verbose: 0});
      const after = snapshot();
      expect(
        after.filter((weight, i) => weight.some((value, j) => value !== before[i][j])).length,
      ).to.be.greaterThan(20);
    });

    it('can be applied twice, its weights counted once', async () => {
      const input = tf.input({shape: [8, 6, 6]});
      const layer = swinT({...base, name: 'shared'});
      const twice = layer.apply(layer.apply(input)) as tf.SymbolicTensor;
      const model = tf.model({inputs: input, outputs: twice});
      expect(model.countParams()).to.equal(layer.countParams());
      const x = tf.randomNormal([2, 8, 6, 6]);
      expectBitEqual('y', values(model.predict(x) as tf.Tensor), values(apply(layer, apply(layer, x))));
      const loaded = await savedAndLoaded(model);
      expectBitEqual('y', values(loaded.predict(x) as tf.Tensor), values(model.predict(x) as tf.Tensor));
    });

    it('stands several times in one model, beside convolutions', async () => {
      const model = tf.sequential();
      const dataFormat = 'channelsLast';
      model.add(tf.layers.conv2d({filters: 8, kernelSize: 3, padding: 'same', inputShape: [8, 8, 3]}));
      model.add(swinT({...base, dataFormat, outChannels: 12, downsample: true}));
      model.add(swinT({...base, dataFormat}));
      model.add(tf.layers.globalAveragePooling2d({}));
      model.add(tf.layers.dense({units: 2}));
      const loaded = await savedAndLoaded(model);
      const x = tf.randomNormal([2, 8, 8, 3]);
      expectBitEqual('y', values(loaded.predict(x) as tf.Tensor), values(model.predict(x) as tf.Tensor));
    });

    it('takes maps of any size once built', () => {
      const layer = swinT(base);
      for (const [height, width] of [
        [8, 8],
        [5, 11],
        [1, 3],
        [16, 2],
      ]) {
        expect(apply(layer, tf.ones([1, 8, height, width])).shape).to.deep.equal([1, 8, height, width]);
      }
    });

    it('sets and gets weights', () => {
      const [a, b] = [swinT(base), swinT(base)];
      const x = tf.randomNormal([1, 8, 5, 5]);
      tf.dispose([apply(a, x), apply(b, x)]);
      b.setWeights(a.getWeights());
      expectBitEqual('y', values(apply(b, x)), values(apply(a, x)));
    });
  });

  describe('initial weights', () => {
    it('are those of Swin: narrow kernels, no bias, norms of one', () => {
      const layer = swinT(base);
      layer.build([null, 64, 8, 8]);
      for (const weight of layer.weights) {
        const data = values(weight.read());
        if (/weight$|table$/.test(weight.originalName) && !weight.originalName.includes('norm')) {
          const deviation = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
          expect(deviation, weight.originalName).to.be.within(0.01, 0.025);
          expect(Math.max(...data)).to.be.at.most(0.0401);
        } else {
          const expected =
            weight.originalName.endsWith('norm1.weight') || weight.originalName.endsWith('norm2.weight');
          expect(
            data.every((v) => v === (expected ? 1 : 0)),
            weight.originalName,
          ).to.equal(true);
        }
      }
    });

    it('differ from each other with a seed, and repeat with the same one', () => {
      const make = (seed: number) => {
        const layer = swinT({...base, kernelInitializer: tf.initializers.truncatedNormal({seed})});
        layer.build([null, 8, 8, 8]);
        return layer.getWeights().map((w) => Array.from(w.dataSync()));
      };
      const [a, b, c] = [make(1), make(1), make(2)];
      expect(a).to.deep.equal(b);
      expect(a).to.not.deep.equal(c);
      const projections = a.filter((w) => w.length === 64);
      expect(projections[0]).to.not.deep.equal(projections[1]);
    });

    it('start a v2 block as the identity', () => {
      const x = tf.randomNormal([1, 8, 6, 6]);
      expectBitEqual('y', values(apply(swinT({...base, variant: 'v2'}), x)), values(x));
    });
  });

  describe('randomness', () => {
    const x = tf.randomNormal([64, 4, 4, 4], 0, 1, 'float32', 9);
    const args: SwinTArgs = {numHeads: 1, windowSize: 2, kernelInitializer: 'heNormal'};
    for (const [name, random] of [
      ['dropout', {dropout: 0.5}],
      ['attentionDropout', {attentionDropout: 0.5}],
      ['dropPath', {dropPath: 0.5}],
    ] as [string, Partial<SwinTArgs>][]) {
      it(`${name} acts in training only, anew at each step, and repeats with a seed`, () => {
        const layer = swinT({...args, ...random, seed: 3});
        const still = values(apply(layer, x));
        expectBitEqual('inference', values(apply(layer, x)), still);
        const first = Array.from(values(apply(layer, x, true)));
        const second = Array.from(values(apply(layer, x, true)));
        expect(first).to.not.deep.equal(Array.from(still));
        expect(second).to.not.deep.equal(first);
        const twin = swinT({...args, ...random, seed: 3});
        tf.dispose(apply(twin, x));
        twin.setWeights(layer.getWeights());
        expectBitEqual('with the same seed', values(apply(twin, x, true)), first);
      });
    }

    it('dropPath 1 of 2 leaves about half of the samples of the first branch as they were', () => {
      const layer = swinT({...args, dropPath: [0.5, 0], seed: 1, depth: 2});
      // Without the second block's branches, a sample whose both branches drop is unchanged: a quarter of them.
      tf.dispose(apply(layer, x));
      const names = layer.weights.map(({originalName}) => originalName);
      layer.setWeights(
        layer.getWeights().map((w, i) => (/blocks\.1\..*(proj|fc2)/.test(names[i]) ? tf.zerosLike(w) : w)),
      );
      const y = values(apply(layer, x, true));
      const same = Array.from({length: 64}, (_, b) =>
        values(x)
          .slice(b * 64, b * 64 + 64)
          .every((v, i) => v === y[b * 64 + i]),
      );
      expect(same.filter(Boolean).length).to.be.within(6, 28);
    });

    it('gradients go through the very weights that dropout kept', () => {
      // All layers start alike and have counted the same number of calls, so that their draws are equal.
      const make = () => {
        const kernelInitializer = tf.initializers.heNormal({seed: 1});
        const layer = swinT({...args, kernelInitializer, attentionDropout: 0.5, seed: 8});
        tf.dispose(apply(layer, x));
        return layer;
      };
      const value = (input: tf.Tensor) => tf.sum(tf.square(apply(make(), input, true)));
      const grad = tf.grad(value)(x);
      const slope = tf.norm(grad);
      const step = tf.mul(tf.div(grad, slope), 0.05);
      const change = tf.sub(value(tf.add(x, step)), value(tf.sub(x, step)));
      const [analytic, numeric] = [slope.dataSync()[0], change.dataSync()[0] / 0.1];
      expect(analytic).to.be.closeTo(numeric, 0.01 * numeric);
      // Other draws have another slope: the comparison above would see them.
      const others = tf.norm(
        tf.grad((input) =>
          tf.sum(
            tf.square(
              apply(
                swinT({
                  ...args,
                  attentionDropout: 0.5,
                  seed: 9,
                  kernelInitializer: tf.initializers.heNormal({seed: 1}),
                }),
                input,
                true,
              ),
            ),
          ),
        )(x),
      );
      expect(others.dataSync()[0]).to.not.be.closeTo(numeric, 0.01 * numeric);
    });
  });

  it('adds its regularisation to the loss', () => {
    const make = (kernelRegularizer?: ReturnType<typeof tf.regularizers.l2>) => {
      const input = tf.input({shape: [8, 4, 4]});
      const layer = swinT({...base, kernelRegularizer, kernelInitializer: 'ones'});
      const model = tf.model({inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor});
      return model.calculateLosses().reduce((sum, loss) => sum + loss.dataSync()[0], 0);
    };
    expect(make()).to.equal(0);
    expect(make(tf.regularizers.l2())).to.be.greaterThan(1);
  });

  eachBackend((backend) => {
    it('leaks nothing in 50 forwards and 10 training steps', async () => {
      const model = tf.sequential();
      model.add(
        swinT({...base, outChannels: 6, downsample: true, dropPath: 0.2, inputShape: [4, 7, 6]} as SwinTArgs),
      );
      model.add(swinT({numHeads: 3, windowSize: 3, variant: 'v2', attentionDropout: 0.1, dropout: 0.1}));
      const x = tf.randomNormal([2, 4, 7, 6]);
      const optimizer = tf.train.adam(1e-3);
      const step = () =>
        tf.dispose(
          optimizer.minimize(
            () => tf.mean(tf.square(model.apply(x, {training: true}) as tf.Tensor)),
            true,
          ) as tf.Scalar,
        );
      const forward = () => tf.dispose(model.predict(x) as tf.Tensor);
      /** What is held once all work handed to the device is done; on webgpu its buffers in use as well. */
      const held = async () => {
        await model.getWeights()[0].data();
        const {numTensors, numBytes, ...more} = tf.memory() as tf.MemoryInfo & {numBytesInGPU?: number};
        return {numTensors, numBytes, gpu: backend === 'webgpu' ? more.numBytesInGPU : 0};
      };
      step();
      forward();
      const before = await held();
      for (let i = 0; i < 50; i++) forward();
      for (let i = 0; i < 10; i++) step();
      expect(await held()).to.deep.equal(before);
    });
  });

  describe('on wasm, the shapes of the original demonstration', () => {
    eachBackend(
      () => {
        for (const [downsample, output] of [
          [false, [2, 256, 224, 224]],
          [true, [2, 256, 112, 112]],
        ] as const) {
          it(`[2, 96, 224, 224] to [${output.join(', ')}]`, async () => {
            const layer = swinT({
              inChannels: 96,
              outChannels: 256,
              inputResolution: [224, 224],
              numHeads: 8,
              windowSize: 7,
              downsample,
            });
            const x = tf.randomNormal([2, 96, 224, 224]);
            const y = apply(layer, x);
            expect(y.shape).to.deep.equal([...output]);
            expect((await y.data()).every(Number.isFinite)).to.equal(true);
            tf.dispose([x, y]);
            layer.dispose();
          });
        }
      },
      {only: ['wasm']},
    );
  });
});
