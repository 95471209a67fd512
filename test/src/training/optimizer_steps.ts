/** What the tests of optimizers share: variables, gradients, and steps of an optimizer on them. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';

/** Where every run starts; of several orders of magnitude, and 0. */
export const start = [0.5, -1.25, 2, 0, 3.5, -0.001];

/** The gradient of step `step`, from 0; of several orders of magnitude. */
export const gradientAt = (step: number) =>
  start.map((_, i) => Math.sin(1 + 3 * i + step * 1.7) * 10 ** (i - 3));

/** The values of a variable [2, 3] and of one [6], which decay leaves alone, after some steps. */
export async function stepped(
  optimizer: tf.Optimizer,
  steps: number,
): Promise<{weight: number[]; bias: number[]}> {
  const [weight, bias] = tf.tidy(() => [
    tf.variable(tf.tensor2d(start, [2, 3]), true),
    tf.variable(tf.tensor1d(start), true),
  ]);
  for (let step = 0; step < steps; step++) {
    const gradient = gradientAt(step);
    const [g1, g2] = [tf.tensor2d(gradient, [2, 3]), tf.tensor1d(gradient)];
    // The two forms in which tfjs hands gradients over.
    if (step % 2 === 0) optimizer.applyGradients({[weight.name]: g1, [bias.name]: g2});
    else
      optimizer.applyGradients([
        {name: weight.name, tensor: g1},
        {name: bias.name, tensor: g2},
      ]);
    tf.dispose([g1, g2]);
  }
  const values = {weight: [...(await weight.data())], bias: [...(await bias.data())]};
  tf.dispose([weight, bias]);
  return values;
}

/** Fails unless all values agree to 1e-6 of the largest of them, and to 1e-6 where that is below one. */
export function expectSame(actual: readonly number[], expected: readonly number[]): void {
  const tolerance = 1e-6 * Math.max(1, ...expected.map(Math.abs));
  expect(actual).to.have.lengthOf(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i], `at ${i}`).to.be.closeTo(value, tolerance);
}

/** Fails unless a run that is saved and restored with another optimizer half way ends where one without does. */
export async function expectContinues(make: () => tf.Optimizer): Promise<void> {
  const run = async (interrupt: boolean): Promise<number[]> => {
    const weight = tf.tidy(() => tf.variable(tf.tensor2d(start, [2, 3])));
    let optimizer = make();
    for (let step = 0; step < 6; step++) {
      if (interrupt && step === 3) {
        const weights = await optimizer.getWeights();
        const copies = weights.map(({name, tensor}) => ({name, tensor: tf.clone(tensor)}));
        optimizer.dispose();
        weights[0].tensor.dispose();
        optimizer = make();
        await optimizer.setWeights(copies);
        tf.dispose(copies.map(({tensor}) => tensor));
      }
      const gradient = tf.tensor2d(gradientAt(step), [2, 3]);
      optimizer.applyGradients({[weight.name]: gradient});
      gradient.dispose();
    }
    const values = [...(await weight.data())];
    optimizer.dispose();
    weight.dispose();
    return values;
  };
  const before = tf.memory().numTensors;
  expect(await run(true)).to.deep.equal(await run(false));
  expect(tf.memory().numTensors).to.equal(before);
}

/** Fails unless an optimizer keeps `count` tensors for two variables, and frees those. */
export function expectKeeps(optimizer: tf.Optimizer, count: number): void {
  const [weight, bias] = tf.tidy(() => [tf.variable(tf.ones([4, 4])), tf.variable(tf.ones([4]))]);
  const before = tf.memory().numTensors;
  const loss = () => tf.sum(tf.square(tf.add(weight, bias))) as tf.Scalar;
  for (let step = 0; step < 3; step++) optimizer.minimize(loss);
  expect(tf.memory().numTensors).to.equal(before + count);
  for (let step = 0; step < 20; step++) optimizer.minimize(loss);
  expect(tf.memory().numTensors).to.equal(before + count);
  optimizer.dispose();
  expect(tf.memory().numTensors).to.equal(before);
  tf.dispose([weight, bias]);
}

/** Fails unless a compiled model is saved and loaded with its optimizer, configuration, state and all. */
export async function expectSurvivesSaving(optimizer: tf.Optimizer): Promise<void> {
  const kernelInitializer = tf.initializers.glorotUniform({seed: 1});
  const model = tf.sequential({layers: [tf.layers.dense({units: 3, inputShape: [4], kernelInitializer})]});
  model.compile({optimizer, loss: 'meanSquaredError'});
  const [x, y] = [tf.randomNormal([16, 4], 0, 1, 'float32', 1), tf.randomNormal([16, 3], 0, 1, 'float32', 2)];
  const {history} = await model.fit(x, y, {epochs: 5, verbose: 0, shuffle: false});
  expect(history.loss[4]).to.be.below(history.loss[0] as number);

  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
    {includeOptimizer: true},
  );
  const copy = await tf.loadLayersModel(tf.io.fromMemory(artifacts!));
  expect(copy.optimizer).to.be.instanceOf(optimizer.constructor);
  expect(copy.optimizer.getConfig()).to.deep.equal(optimizer.getConfig());
  expect(copy.optimizer.iterations).to.equal(optimizer.iterations);
  await model.fit(x, y, {epochs: 2, verbose: 0, shuffle: false});
  await copy.fit(x, y, {epochs: 2, verbose: 0, shuffle: false});
  const [expected, got] = [await model.getWeights()[0].data(), await copy.getWeights()[0].data()];
  expect([...got]).to.deep.equal([...expected]);
  tf.dispose([x, y]);
  model.dispose();
  copy.dispose();
}
