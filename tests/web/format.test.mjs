// Numbers as people read them.
import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.localStorage = {getItem: () => null, setItem: () => {}};
Object.defineProperty(globalThis, 'navigator', {value: {languages: ['en-GB']}, configurable: true});
const {duration, saving, shortName, size} = await import('../../web/app/format.js');
const {chooseLanguage, t} = await import('../../web/app/text.js');

test('sizes have at most three digits', () => {
  for (const [bytes, text] of [[0, '0 B'], [999, '999 B'], [1000, '1 kB'], [344412, '344 kB'], [999_999, '1 MB'], [4_123_456, '4.12 MB'], [1.4e9, '1.4 GB'], [3e13, '30 TB']])
    assert.equal(size(bytes), text);
});

test('what was saved has a sign', () => {
  assert.equal(saving(1000, 160), '−84%');
  assert.equal(saving(1000, 1100), '+10%');
  assert.equal(saving(0, 5), '');
});

test('durations', () => {
  for (const [ms, text] of [[310, '0.31 s'], [59_000, '59 s'], [171_000, '2 min 51 s'], [7_260_000, '2 h 1 min']])
    assert.equal(duration(ms), text);
});

test('names are cut in the middle, never at the extension', () => {
  assert.equal(shortName('short.jpg'), 'short.jpg');
  const cut = shortName('a-very-long-name-of-a-picture-from-norway-0017.jpeg');
  assert.equal(cut.length, 26);
  assert.ok(cut.endsWith('0017.jpeg') && cut.startsWith('a-very'));
});

test('texts have a form for one, and follow the language', async () => {
  assert.equal(t('choose.pictures', {n: 1}), '1 picture');
  assert.equal(t('choose.pictures', {n: 1234}), '1,234 pictures');
  await chooseLanguage('de');
  assert.equal(t('choose.pictures', {n: 1234}), '1.234 Bilder');
  await chooseLanguage('en');
});
