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
  const {outputs, ...rest} = choiceOf(specOf(choice, formats));
  const {outputs: chosen, ...wanted} = choice;
  assert.deepEqual(rest, wanted);
  assert.deepEqual(outputs[0], chosen[0]);
});
