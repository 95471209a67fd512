/** The names of huggingface/pytorch-image-models: the merging stands at the beginning of the next stage. */
import {MERGING, type Naming, torchForm} from './naming.js';

export const timm: Naming = ({canonical}) => {
  const merging = MERGING.exec(canonical);
  const name = merging
    ? `layers.${Number(merging[1]) + 1}.downsample.${merging[2]}`
    : canonical.replace(/^head\./, 'head.fc.');
  return {names: [name], form: torchForm(canonical)};
};
