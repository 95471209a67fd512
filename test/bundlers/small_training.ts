/**
 * A page's program that computes all that a visitor's page would: it sets a backend up, trains a small network with a SwinT
 * layer to tell dark pictures from bright ones, and classifies a canvas with it.
 */

/** What the program found. */
export interface SmallTraining {
  /** Name and message of what `setupBackend` threw; then there is nothing else. */
  error?: string;
  backend: string;
  threads: number;
  threadsReason?: string;
  /** Before the first step and after the last. */
  losses: [number, number];
  /** The class of a bright picture. */
  label: string;
}

/** Name of the function that the program puts into its page. */
export const SMALL_TRAINING = 'smallTraining';

/**
 * The program.
 *
 * @param imports bring `tf`, `backendReport`, `classify`, `setupBackend` and `swinT` into it.
 */
export const smallTraining = (imports: string) => `
  ${imports}
  const SIZE = 16;

  function network() {
    const kernelInitializer = tf.initializers.glorotUniform({seed: 1});
    const dataFormat = 'channelsLast';
    return tf.sequential({
      layers: [
        tf.layers.conv2d({filters: 8, kernelSize: 3, padding: 'same', kernelInitializer, inputShape: [SIZE, SIZE, 3]}),
        swinT({strides: 2, numHeads: 2, windowSize: 4, kernelInitializer, dataFormat}),
        tf.layers.globalAveragePooling2d({dataFormat}),
        tf.layers.dense({units: 2, activation: 'softmax', kernelInitializer}),
      ],
    });
  }

  /** Ten losses of a training on as many dark pictures as bright ones. */
  async function train(model) {
    const x = tf.concat([tf.randomUniform([4, SIZE, SIZE, 3], -1, 0), tf.randomUniform([4, SIZE, SIZE, 3], 0, 1)]);
    const y = tf.oneHot(tf.tensor1d([0, 0, 0, 0, 1, 1, 1, 1], 'int32'), 2);
    model.compile({optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy'});
    const {history} = await model.fit(x, y, {epochs: 10, batchSize: 8, shuffle: false});
    tf.dispose([x, y]);
    return history.loss;
  }

  function brightPicture() {
    const canvas = document.createElement('canvas');
    const drawing = canvas.getContext('2d');
    drawing.fillStyle = '#dcd';
    drawing.fillRect(0, 0, canvas.width, canvas.height);
    return canvas;
  }

  globalThis.${SMALL_TRAINING} = async ([backend, options]) => {
    try {
      await setupBackend(backend, options);
    } catch ({name, message}) {
      return {error: name + ': ' + message};
    }
    const model = network();
    const losses = await train(model);
    const halves = {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]};
    const settings = {imageSize: SIZE, dataFormat: 'channelsLast', labels: ['dark', 'bright'], ...halves};
    const [{label}] = await classify(model, brightPicture(), settings);
    const {threads, threadsReason} = backendReport();
    return {backend: tf.getBackend(), threads, threadsReason, losses: [losses[0], losses.at(-1)], label};
  };`;
