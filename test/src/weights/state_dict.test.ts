/**
 * State dicts as torchvision and microsoft/Swin-Transformer have them: what is read and written again has every name, type,
 * shape and value, buffers included, so that their `load_state_dict(strict=True)` passes.
 */
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {withFile} from '../../../src/node/file_source.js';
import {swinFromCheckpoint} from '../../../src/node/weight_files.js';
import {type ByteSource, bytesSource} from '../../../src/weights/byte_source.js';
import {loadWeights} from '../../../src/weights/load_weights.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectAbsClose, expectBitEqual} from '../../helpers/compare.js';
import {rejection} from '../node/small_model.js';

const golden = (name: string) =>
  fileURLToPath(new URL(`../../golden/state_dict/${name}.safetensors`, import.meta.url));

/** Every tensor with its type; whole numbers as numbers. */
function contents(source: ByteSource) {
  const {tensors, values} = openSafetensors(source);
  const all = new Map<string, {type: string; values: ArrayLike<number>}>();
  for (const [name, entry] of tensors) {
    const {dtype, shape, begin, end} = entry as typeof entry & {begin: number; end: number};
    const type = `${dtype} [${shape}]`;
    if (dtype !== 'I64') {
      all.set(name, {type, values: values(name)});
      continue;
    }
    const header = new DataView(source.read(0, 8).slice().buffer).getUint32(0, true);
    const bytes = source.read(8 + header + begin, end - begin).slice();
    all.set(name, {type, values: Array.from(new BigInt64Array(bytes.buffer), Number)});
  }
  return all;
}

describe('state dicts', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  const files = [
    ...(['torchvision', 'microsoft'] as const).flatMap((layout) =>
      ['v1', 'v2'].map((version) => ({layout, name: `${layout}_${version}`})),
    ),
    {layout: 'swin-unet', name: 'swin_unet'},
  ] as const;
  for (const {layout, name: file} of files) {
    it(`${file}: everything is there again`, async () => {
      const path = golden(file);
      const expected = withFile(path, contents);
      const {model} = await swinFromCheckpoint(path, {imageSize: 32, layout});
      const written = contents(bytesSource(await saveWeights(model, {layout})));
      const types = (all: typeof written) =>
        Object.fromEntries([...all].map(([name, {type}]) => [name, type]));
      expect(types(written)).to.deep.equal(types(expected));
      for (const [name, {values}] of expected) {
        const got = written.get(name)!.values;
        if (/coords_table/.test(name)) expectAbsClose(name, got, values, 1e-6);
        else if (values instanceof Float32Array) expectBitEqual(name, got as Float32Array, values);
        else expect(got).to.deep.equal(values);
      }
      model.dispose();
    });
  }

  it("of MONAI's SwinUNETR are refused by name", async () => {
    const names = [
      'swinViT.patch_embed.proj.weight',
      'swinViT.layers1.0.blocks.0.attn.qkv.weight',
      'out.conv.conv.bias',
    ];
    const bytes = writeSafetensors(names.map((name) => ({name, shape: [1], values: new Float32Array(1)})));
    const model = tf.sequential({layers: [tf.layers.dense({units: 1, inputShape: [1]})]});
    for (const load of [loadWeights(model, bytes), swinFromCheckpoint(bytes)]) {
      expect((await rejection(load)).message).to.match(
        /got swinViT\.patch_embed\.proj\.weight, of MONAI's SwinUNETR/,
      );
    }
    model.dispose();
  });
});
