/** Which WebGPU adapters count as software, by what drivers in the field report. */

import {expect} from 'chai';
import {type AdapterDescription, describeAdapter, isSoftwareAdapter} from '../../../src/backends/adapter.js';

const software: Record<string, AdapterDescription> = {
  'SwiftShader in Dawn': {
    vendor: 'google',
    architecture: 'swiftshader',
    device: 'swiftshader-device-subzero-',
    description: 'SwiftShader driver 5.0.0',
    isFallbackAdapter: true,
  },
  'SwiftShader in Chromium': {vendor: 'google', architecture: 'swiftshader', description: ''},
  lavapipe: {vendor: 'mesa', architecture: '', description: 'llvmpipe (LLVM 15.0.6, 256 bits)'},
  'Basic Render Driver': {vendor: 'microsoft', description: 'Microsoft Basic Render Driver'},
  'a fallback adapter without names': {vendor: '', architecture: '', isFallbackAdapter: true},
  'an adapter of type CPU': {vendor: 'unknown', adapterType: 'CPU'},
};

const hardware: Record<string, AdapterDescription> = {
  NVIDIA: {vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200', isFallbackAdapter: false},
  'Apple, names withheld': {vendor: 'apple', architecture: 'metal-3', device: '', description: ''},
  'a Google phone with a real GPU': {vendor: 'arm', architecture: 'valhall', adapterType: 'integrated GPU'},
  'nothing said at all': {},
};

describe('isSoftwareAdapter', () => {
  for (const [name, info] of Object.entries(software)) {
    it(`takes ${name} for software`, () => expect(isSoftwareAdapter(info)).to.equal(true));
  }
  for (const [name, info] of Object.entries(hardware)) {
    it(`takes ${name} for hardware`, () => expect(isSoftwareAdapter(info)).to.equal(false));
  }
});

describe('describeAdapter', () => {
  it('gives vendor, architecture and description', () => {
    expect(describeAdapter(hardware.NVIDIA!)).to.equal('nvidia hopper (NVIDIA H200)');
  });
  it('leaves out what is not told', () => {
    expect(describeAdapter(hardware['Apple, names withheld']!)).to.equal('apple metal-3');
    expect(describeAdapter({description: 'some GPU'})).to.equal('adapter (some GPU)');
    expect(describeAdapter({})).to.equal('unnamed adapter');
  });
});
