/** Copies on wasm: each has a life of its own, whether or not it shares its values. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {eachBackend} from '../../../helpers/backends.js';
import {eachKernelChoice, expectNoLeak} from './kernel_choices.js';

eachBackend(
  () => {
    eachKernelChoice(() => {
      it('a copy lives on when its source is gone', () => {
        const before = tf.engine().backend.numDataIds();
        const x = tf.tensor1d([1, 2, 3]);
        const y = tf.clone(x);
        const z = tf.clone(tf.tensor1d([true, false], 'bool'));
        expect(z.dtype).to.equal('bool');
        x.dispose();
        expect(Array.from(y.dataSync())).to.deep.equal([1, 2, 3]);
        expect(Array.from(z.dataSync())).to.deep.equal([1, 0]);
        y.dispose();
        expect(() => y.dataSync()).to.throw();
        z.dispose();
        expect(tf.engine().backend.numDataIds()).to.be.at.most(before + 1);
      });

      it('a variable that was made from a copy changes alone', () => {
        const x = tf.tensor1d([1, 2, 3]);
        const variable = tf.tidy(() => tf.variable(tf.clone(x)));
        const next = tf.tensor1d([4, 5, 6]);
        variable.assign(next);
        next.dispose();
        expect(Array.from(x.dataSync())).to.deep.equal([1, 2, 3]);
        expect(Array.from(variable.dataSync())).to.deep.equal([4, 5, 6]);
        tf.dispose([x, variable]);
      });

      it('copies of strings', async () => {
        const x = tf.tensor1d(['a', 'b']);
        const y = tf.clone(x);
        expect(await y.data()).to.deep.equal(['a', 'b']);
        tf.dispose([x, y]);
      });

      it('leaves nothing behind', () => {
        const x = tf.ones([4, 5]);
        expectNoLeak(() => tf.clone(x));
        x.dispose();
      });
    });
  },
  {only: ['wasm']},
);
