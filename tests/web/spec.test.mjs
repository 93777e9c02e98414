// What is chosen on the page, as the API has it.
import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.localStorage = {getItem: () => null, setItem: () => {}};
const {choiceOf, specOf} = await import('../../web/app/store/spec.js');

const formats = {
  formats: [
    {name: 'webp', options: {quality: {least: 0, most: 100}, lossless: 'optional'}},
    {name: 'png', options: {lossless: 'always'}},
  ],
  options: {losses: ['exif_dropped', 'alpha_flattened']},
};
const choice = {
  outputs: [{format: 'webp', quality: 70, lossless: false, suffix: ''}, {format: 'png', quality: 70, lossless: false, suffix: '-2'}],
  side: 1600,
  mode: 'fit',
  metadata: 'strip',
  icc: 'srgb',
  strictness: 'strict',
  onLoss: 'fail',
};

test('each output has the options that its format knows', () => {
  const [webp, png] = specOf(choice, formats).outputs;
  const resize = {width: 1600, height: 1600, mode: 'fit', upscale: false};
  assert.deepEqual(webp, {format: 'webp', suffix: '', quality: 70, lossless: false, resize});
  assert.deepEqual(png, {format: 'png', suffix: '-2', resize});
});

test('no loss is allowed: all that the server knows are named', () => {
  assert.deepEqual(specOf(choice, formats).on_loss, {exif_dropped: 'fail', alpha_flattened: 'fail'});
  assert.deepEqual(specOf({...choice, onLoss: 'report'}, formats).on_loss, {});
});

test('a choice comes back from its spec', () => {
  const {outputs, ...rest} = choiceOf(specOf(choice, formats), formats);
  const {outputs: chosen, ...wanted} = choice;
  assert.deepEqual(rest, wanted);
  assert.deepEqual(outputs[0], chosen[0]);
});

test('what the page does not show stays as the batch has it', () => {
  const base = {
    outputs: [{format: 'webp', quality: 70, lossless: false, suffix: '', effort: 6, resize: {width: 900, height: 600, mode: 'fill', upscale: true}}],
    metadata: 'keep', icc: 'preserve', strictness: 'tolerant', background: '#102030', min_saving_percent: 5,
    on_loss: {exif_dropped: 'fail'},
  };
  const same = choiceOf(base, formats);
  assert.equal(same.onLoss, 'some');
  assert.equal(same.mode, 'fill');
  assert.deepEqual(specOf(same, formats, base), base);
  const smaller = specOf({...same, side: 300}, formats, base);
  assert.deepEqual(smaller.outputs[0].resize, {width: 300, height: 300, mode: 'fill', upscale: false});
  assert.equal(smaller.outputs[0].effort, 6);
  assert.deepEqual(specOf({...same, onLoss: 'report'}, formats, base).on_loss, {});
  // Another format has options of its own.
  const other = specOf({...same, outputs: [{format: 'png', quality: 70, lossless: false, suffix: ''}]}, formats, base);
  assert.equal(other.outputs[0].effort, undefined);
});

test('a preset is offered where its format can be written, and is seen to be chosen', async () => {
  const {isChosen, presets} = await import('../../web/app/store/spec.js');
  const all = new Set(['webp', 'jpeg', 'png']);
  for (const make of Object.values(presets)) {
    assert.equal(make(new Set()), null);
    const preset = make(all);
    assert.ok(isChosen({...choice, ...preset}, preset));
    assert.ok(!isChosen(choice, preset));
  }
});
