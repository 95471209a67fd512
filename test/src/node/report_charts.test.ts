import {expect} from 'chai';
import {build} from 'esbuild';
import {type ChartArgs, type Curve, chartSvg} from '../../../src/node/report_charts.js';

const curve = (values: Curve['values'], split: Curve['split'] = 'test'): Curve => ({
  series: 1,
  split,
  values,
});

async function draw(args: Partial<ChartArgs> & Pick<ChartArgs, 'curves'>): Promise<string> {
  return (await chartSvg({label: 'Loss', ...args})).text;
}

/** The labels of the vertical axis, from the lowest. */
const valueLabels = (svg: string) => [...svg.matchAll(/"end">([^<]*)</g)].map(([, text]) => text);
/** The labels of the horizontal axis, and its title. */
const epochLabels = (svg: string) => [...svg.matchAll(/"middle">([^<]*)</g)].map(([, text]) => text);
const lines = (svg: string) =>
  [...svg.matchAll(/ d="M([^"H]*)" stroke="var\(--series-1\)"/g)].map(([, d]) => d);
const dots = (svg: string) =>
  [...svg.matchAll(/<circle cx="([^"]*)" cy="([^"]*)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

describe('the charts of a report', () => {
  it('place values in proportion between labels that differ', async () => {
    const svg = await draw({curves: [curve([0.91, 0.92, 0.945])], format: '%'});
    const labels = valueLabels(svg);
    expect(labels[0]).to.equal('91.0%');
    expect(labels.at(-1)).to.equal('94.5%');
    expect(new Set(labels).size).to.equal(labels.length);
    const [first, second, third] = dots(svg);
    // The ends of both scales are the ends of the plot; 0.92 is 10 / 35 of the way up, epoch 2 half of the way across.
    expect([first![1], third![1]]).to.deep.equal([182, 10]);
    expect(second![1]).to.be.closeTo(182 - (10 / 35) * 172, 0.01);
    expect(second![0]).to.be.closeTo((first![0]! + third![0]!) / 2, 0.01);
    expect(lines(svg)).to.deep.equal([dots(svg).join('L')]);
  });

  it('cover the range asked for, and name every epoch while they are few', async () => {
    const svg = await draw({curves: [curve([2, 1])], domain: [0, 0]});
    expect(valueLabels(svg)).to.deep.equal(['0.0', '0.5', '1.0', '1.5', '2.0']);
    expect(epochLabels(svg)).to.deep.equal(['1', '2', 'epoch']);
    const many = await draw({curves: [curve(Array.from({length: 100}, (_, i) => i))]});
    expect(epochLabels(many)).to.have.length.within(5, 12);
    expect(dots(many)).to.deep.equal([]);
    expect(lines(many)[0]!.split('L')).to.have.length(100);
  });

  it('dash the training set alone', async () => {
    const both = await draw({curves: [curve([1, 2], 'train'), curve([2, 3])]});
    expect(both.match(/<path[^>]*stroke-dasharray/g)).to.have.length(1);
    expect(both.match(/fill="var\(--page\)"/g)).to.have.length(2);
  });

  it('leave out what is not known', async () => {
    const svg = await draw({curves: [curve([1, null, 3, Number.NaN]), curve([null])]});
    expect(dots(svg)).to.have.length(2);
    expect(lines(svg)).to.have.length(1);
    expect(epochLabels(svg)).to.deep.equal(['1', '2', '3', 'epoch']);
    const single = await draw({curves: [curve([0.7])]});
    expect(valueLabels(single)).to.include('0.7').and.to.include('0.0');
    expect(epochLabels(single)).to.deep.equal(['1', 'epoch']);
    const none = await draw({curves: [curve([null])]});
    expect(valueLabels(none)).to.have.length.above(2);
    for (const text of [svg, single, none]) expect(text).not.to.match(/NaN|undefined|null|Infinity/);
  });

  it('escape their label', async () => {
    expect(await draw({label: '"><script>', curves: [curve([1])]})).to.include(
      'aria-label="&quot;&gt;&lt;script&gt;"',
    );
  });

  it('load their library with the first chart, not with the entry for Node', async () => {
    const {metafile} = await build({
      ...{entryPoints: ['src/node.ts'], bundle: true, packages: 'external', platform: 'node', format: 'esm'},
      ...{write: false, metafile: true, logLevel: 'silent'},
    });
    const imports = Object.values(metafile.inputs).flatMap(({imports}) => imports);
    const ofLibrary = imports.filter(({path}) => path.startsWith('d3-'));
    expect(ofLibrary.map(({path, kind}) => `${path}: ${kind}`)).to.deep.equal(['d3-scale: dynamic-import']);
  });
});
