/**
 * adamUpdate on native TensorFlow. Contract: contracts/optimizer.
 *
 * A call of one of TensorFlow's operations takes longer than its numbers where these are few. So small variables of one decay
 * are joined as vectors, updated as one, and cut apart. m and v stay vectors for TensorFlow from step to step (views.ts).
 */
import * as tf from '@tensorflow/tfjs-core';
import {adamUpdateComposed, type Scalars} from '../../composed/optimizer.js';
import {type AdamAttrs, type AdamInputs, byNumber} from '../../contracts/optimizer.js';
import {tensorflowKernel} from '../runtime/native.js';

/** Most numbers of a variable that is joined with others: copying more takes longer than the calls that it saves. */
const MOST_JOINED = 2 ** 14;

/** Variables that are updated as one, by their places in the list. */
function groupsOf(variables: AdamInputs[], decay: number[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [i, {value}] of variables.entries()) {
    const key = value.size <= MOST_JOINED ? `joined ${decay[i]}` : `alone ${i}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  return [...groups.values()];
}

const NAMES = ['value', 'gradient', 'm', 'v'] as const;

/** [value, m, v] of each variable. */
function updateAsOne(
  variables: AdamInputs[],
  attrs: AdamAttrs,
  decay: number,
  scalar: Scalars,
): tf.Tensor[][] {
  const joined = Object.fromEntries(
    NAMES.map((name) => [name, tf.concat(variables.map((one) => tf.reshape(one[name], [one[name].size])))]),
  );
  const sizes = variables.map(({value}) => value.size);
  const updated = adamUpdateComposed(joined as unknown as AdamInputs, attrs, decay, scalar);
  const parts = updated.map((one) => tf.split(one, sizes));
  return variables.map(({value}, i) => parts.map((part) => tf.reshape(part[i], value.shape)));
}

/** What `tf.registerKernel` takes. Returns value, m and v of each variable. */
export const adamUpdateConfig = tensorflowKernel<string, AdamAttrs>('SwintAdamUpdate', (_, inputs, attrs) =>
  tf.tidy(() => {
    const variables = byNumber(inputs) as unknown as AdamInputs[];
    const {beta1, beta2, rate, epsilon, decay: decays} = attrs;
    // Made here, since the composed version disposes of what it makes.
    const numbers = new Set([beta1, beta2, rate, epsilon, ...decays]);
    const scalars = new Map([...numbers].map((one) => [one, tf.scalar(one)]));
    const scalar: Scalars = (value) => scalars.get(value) ?? tf.scalar(value);
    const results: tf.Tensor[][] = [];
    for (const group of groupsOf(variables, decays)) {
      const members = group.map((i) => variables[i]);
      const decay = decays[group[0]];
      const updated =
        members.length === 1
          ? [adamUpdateComposed(members[0], attrs, decay, scalar)]
          : updateAsOne(members, attrs, decay, scalar);
      for (const [place, i] of group.entries()) results[i] = updated[place];
    }
    return results.flat();
  }),
);
