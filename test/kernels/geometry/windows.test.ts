import {expect} from 'chai';
import fc from 'fast-check';
import {
  cellOfToken,
  isPaddingCell,
  OTHER_REGION,
  PADDING,
  regionOf,
  SEEN,
  type WindowGeometry,
  windowGeometry,
  windowVisibility,
} from '../../../kernels/geometry/windows.js';

/** Random maps, windows and shifts, from a single cell up. */
const geometries = fc
  .record({
    size: fc.tuple(fc.integer({min: 1, max: 19}), fc.integer({min: 1, max: 19})),
    windowSize: fc.tuple(fc.integer({min: 1, max: 8}), fc.integer({min: 1, max: 8})),
    shifted: fc.tuple(fc.nat(), fc.nat()),
    padding: fc.constantFrom('masked' as const, 'attended' as const),
  })
  .map(({size, windowSize, shifted, padding}) =>
    windowGeometry(size, windowSize, [shifted[0] % windowSize[0], shifted[1] % windowSize[1]], padding),
  );

function allCells(geometry: WindowGeometry): number[] {
  return Array.from({length: geometry.windows}, (_, w) =>
    Array.from({length: geometry.tokens}, (_, t) => cellOfToken(geometry, w, t)),
  ).flat();
}

describe('geometry: windows', () => {
  it('pads by less than a window, and clamps only where nothing is attended', () => {
    fc.assert(
      fc.property(geometries, ({size, windowSize, window, padded, count, padding}) => {
        for (const axis of [0, 1] as const) {
          expect(padded[axis]).to.equal(count[axis] * window[axis]);
          expect(padded[axis] - size[axis]).to.be.within(0, window[axis] - 1);
          const clamped = Math.min(windowSize[axis], size[axis]);
          expect(window[axis]).to.equal(padding === 'masked' ? clamped : windowSize[axis]);
        }
      }),
    );
  });

  it('drops the shift on an axis that one window covers', () => {
    fc.assert(
      fc.property(geometries, ({count, shift, window}) => {
        for (const axis of [0, 1] as const) {
          if (count[axis] === 1) expect(shift[axis]).to.equal(0);
          expect(shift[axis]).to.be.within(0, window[axis] - 1);
        }
      }),
    );
  });

  it('gives every cell of the padded map to exactly one token', () => {
    fc.assert(
      fc.property(geometries, (geometry) => {
        const cells = allCells(geometry).sort((a, b) => a - b);
        expect(cells).to.deep.equal(
          Array.from({length: geometry.padded[0] * geometry.padded[1]}, (_, i) => i),
        );
      }),
    );
  });

  it('shifts and cuts as a roll by -shift does', () => {
    fc.assert(
      fc.property(geometries, (geometry) => {
        const {padded, shift, window, count} = geometry;
        for (let row = 0; row < padded[0]; row++) {
          for (let column = 0; column < padded[1]; column++) {
            const w = Math.floor(row / window[0]) * count[1] + Math.floor(column / window[1]);
            const t = (row % window[0]) * window[1] + (column % window[1]);
            const rolled = ((row + shift[0]) % padded[0]) * padded[1] + ((column + shift[1]) % padded[1]);
            expect(cellOfToken(geometry, w, t)).to.equal(rolled);
          }
        }
      }),
    );
  });

  it('shows tokens each other exactly when they are neighbours on the map', () => {
    fc.assert(
      fc.property(geometries, (geometry) => {
        const {padded, size, window, tokens, padding, windows} = geometry;
        const visibility = windowVisibility(geometry);
        for (let w = 0; w < windows; w++) {
          for (let q = 0; q < tokens; q++) {
            for (let k = 0; k < tokens; k++) {
              const [a, b] = [cellOfToken(geometry, w, q), cellOfToken(geometry, w, k)];
              // Tokens of one window that the cyclic shift did not tear apart lie as far apart on the map as they do
              // in the window.
              const near =
                Math.floor(a / padded[1]) - Math.floor(b / padded[1]) ===
                  Math.floor(q / window[1]) - Math.floor(k / window[1]) &&
                (a % padded[1]) - (b % padded[1]) === (q % window[1]) - (k % window[1]);
              const hidden = padding === 'masked' && isPaddingCell(geometry, b);
              const expected = hidden ? PADDING : near ? SEEN : OTHER_REGION;
              const seen = visibility ? visibility[(w * tokens + q) * tokens + k] : SEEN;
              if (seen !== expected) {
                expect.fail(
                  `${JSON.stringify(geometry)} window ${w}: ${q} sees ${k} as ${seen}, not ${expected}`,
                );
              }
            }
          }
        }
        expect(size[0] * size[1]).to.be.greaterThan(0);
      }),
      {numRuns: 60},
    );
  });

  it('numbers the regions as the slices (0, -w), (-w, -s), (-s, end) do', () => {
    const geometry = windowGeometry([8, 8], [4, 4], [2, 2], 'masked');
    const regions = Array.from({length: 8}, (_, i) => regionOf(geometry, i, 0) / 3);
    expect(regions).to.deep.equal([0, 0, 0, 0, 1, 1, 2, 2]);
  });

  it('needs no mask where windows fit and nothing is shifted', () => {
    expect(windowVisibility(windowGeometry([8, 8], [4, 4], [0, 0], 'masked'))).to.equal(null);
    expect(windowVisibility(windowGeometry([7, 8], [4, 4], [0, 0], 'attended'))).to.equal(null);
    expect(windowVisibility(windowGeometry([7, 8], [4, 4], [0, 0], 'masked'))).to.not.equal(null);
  });
});
