/** What replaceConv2D did, as data and as a table. */
import {showShape} from '../kernels/common/shapes.js';
import {textTable} from '../kernels/common/text_table.js';
import type {KeptConvolution} from './find_convolutions.js';

/** A Conv2D that a SwinT has taken the place of. */
export interface ReplacedConv2D {
  /** Its name, after the names of the models that it is in; the SwinT has it now. */
  name: string;
  /** Shapes at its first call, of both. */
  inputShape: (number | null)[];
  outputShape: (number | null)[];
  /** Of the convolution. */
  kernelSize: [number, number];
  strides: [number, number];
  /** Of the SwinT. */
  numHeads: number;
  windowSize: [number, number];
  /** Names of the layers that are there now: the SwinT and what it needs around it. */
  layers: string[];
  /** Numbers in the weights of the convolution, and of the layers that are there now. */
  parametersBefore: number;
  parametersAfter: number;
}

export interface ReplaceReport {
  replaced: ReplacedConv2D[];
  /** Every layer that convolves and stays, and why. */
  kept: KeptConvolution[];
  /** The same as a table. */
  text: string;
}

const count = (value: number) => value.toLocaleString('en-US');

/** Names that are shown of layers that could be replaced. */
const SHOWN = 4;

/** What to pass so that something is replaced. */
function advice(replaceable: readonly string[]): string {
  if (replaceable.length === 0) {
    return 'No convolution of this model can be replaced: a SwinT takes the place of Conv2D layers with strides of 1 or 2 alone.';
  }
  const names = replaceable.slice(0, SHOWN).map((name) => `'${name}'`);
  const more = replaceable.length - names.length;
  return (
    `To replace some all the same, name them: replaceConv2D(model, {where: [${names.join(', ')}]})` +
    `${more > 0 ? `, and ${count(more)} more could be` : ''}.`
  );
}

/**
 * The report of these layers.
 *
 * @param replaceable Names of the layers that could be replaced; where none is, the report ends with what to pass.
 */
export function replaceReport(
  replaced: ReplacedConv2D[],
  kept: KeptConvolution[],
  replaceable: readonly string[],
): ReplaceReport {
  const sum = (key: 'parametersBefore' | 'parametersAfter') =>
    count(replaced.reduce((total, one) => total + one[key], 0));
  const lines = [`${replaced.length} of ${replaced.length + kept.length} convolutions replaced`];
  if (replaced.length > 0) {
    lines[0] += `: ${sum('parametersBefore')} parameters are ${sum('parametersAfter')} now`;
    const head = ['replaced', 'kernel', 'strides', 'input', 'output', 'heads', 'window', 'parameters', 'now'];
    const numbers = new Set(['heads', 'parameters', 'now']);
    const rows = replaced.map((one) => [
      one.name,
      one.kernelSize.join('x'),
      one.strides.join('x'),
      showShape(one.inputShape),
      showShape(one.outputShape),
      count(one.numHeads),
      one.windowSize.join('x'),
      count(one.parametersBefore),
      count(one.parametersAfter),
    ]);
    lines.push('', ...textTable([head, ...rows], (column) => numbers.has(head[column])));
  }
  if (kept.length > 0) {
    const rows = kept.map(({name, className, reason}) => [name, className, reason]);
    lines.push('', ...textTable([['kept', 'class', 'why'], ...rows], () => false));
  }
  if (replaced.length === 0) lines.push('', advice(replaceable));
  return {replaced, kept, text: lines.join('\n')};
}
