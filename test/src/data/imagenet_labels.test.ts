import {expect} from 'chai';
import {imagenetLabels} from '../../../src/data/imagenet_labels.js';

describe('imagenetLabels', () => {
  it('are 1000 different names in the order of the networks', () => {
    expect(imagenetLabels).to.have.length(1000);
    expect(new Set(imagenetLabels).size).to.equal(1000);
    for (const name of imagenetLabels)
      expect(name)
        .to.match(/^\S.*\S$/)
        .and.not.match(/[,\n]| {2}/);
    const known = {0: 'tench', 1: 'goldfish', 207: 'golden retriever', 281: 'tabby', 607: "jack-o'-lantern"};
    for (const [index, name] of Object.entries(known)) expect(imagenetLabels[Number(index)]).to.equal(name);
    expect(imagenetLabels[999]).to.equal('toilet tissue');
  });
});
