import {expect} from 'chai';
import {checkDataFormat, mapShape} from '../../../kernels/common/data_format.js';
import {ConfigError} from '../../../kernels/common/errors.js';

describe('maps in either data format', () => {
  it('have their channels first or last', () => {
    expect(mapShape('channelsFirst', 3, 8, 9)).to.deep.equal([3, 8, 9]);
    expect(mapShape('channelsLast', 3, 8, 9)).to.deep.equal([8, 9, 3]);
  });

  it('have one of the two formats', () => {
    expect(checkDataFormat('l', 'channelsLast')).to.equal('channelsLast');
    expect(() => checkDataFormat('l', 'NHWC')).to.throw(
      ConfigError,
      "l: dataFormat must be one of 'channelsFirst', 'channelsLast'; got 'NHWC'.",
    );
  });
});
