// Previews while controls move, without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';
import {Previewer, read} from '../../web/app/store/preview.js';

/** Answers that the test gives, and a clock that it sets forward. */
function asked() {
  const wishes = [];
  let timer = null;
  const clock = {setTimeout: (work, ms) => (timer = {work, ms}), clearTimeout: () => (timer = null)};
  const pass = ms => {
    if (timer && ms >= timer.ms) timer.work();
    else if (timer) timer.ms -= ms;
  };
  const previewer = new Previewer(
    wish => new Promise((resolve, reject) => wishes.push({wish, resolve, reject})),
    error => String(error),
    clock,
  );
  return {wishes, previewer, pass};
}
const preview = (name, more = {}) => ({picture: name, losses: [], width: 8, height: 6, bytes: 10, estimate: null, ms: 1, ...more});

test('the newest wish is shown, whatever comes of older ones, in any order', async () => {
  const {wishes, previewer} = asked();
  const first = previewer.show({output: 1});
  const second = previewer.show({output: 2});
  const third = previewer.show({output: 3});
  wishes[2].resolve(preview('third'));
  await third;
  assert.equal(previewer.shown.value.picture, 'third');
  assert.equal(previewer.busy.value, false);
  wishes[0].resolve(preview('first'));
  wishes[1].reject(new Error('superseded'));
  await first;
  await second;
  assert.equal(previewer.shown.value.picture, 'third');
  assert.equal(previewer.problem.value, '');
});

test('a failure is told, and the last picture stays', async () => {
  const {wishes, previewer} = asked();
  const first = previewer.show({output: 1});
  wishes[0].resolve(preview('first'));
  await first;
  const second = previewer.show({output: 2});
  assert.equal(previewer.busy.value, true);
  wishes[1].reject('no room');
  await second;
  assert.equal(previewer.problem.value, 'no room');
  assert.equal(previewer.shown.value.picture, 'first');
  const third = previewer.show({output: 3});
  wishes[2].resolve(preview('third'));
  await third;
  assert.equal(previewer.problem.value, '');
});

test('estimated bytes become exact when nothing moves, and the picture that is shown stays', async () => {
  const {wishes, previewer, pass} = asked();
  const small = previewer.show({output: 1, width: 100});
  wishes[0].resolve(preview('small', {bytes: null, estimate: 900}));
  await small;
  assert.equal(previewer.shown.value.bytes, null);
  pass(399);
  assert.equal(wishes.length, 1);
  pass(1);
  assert.deepEqual(wishes[1].wish, {output: 1, width: undefined, crop: undefined});
  wishes[1].resolve(preview('whole', {bytes: 1000}));
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(previewer.shown.value.bytes, 1000);
  assert.equal(previewer.shown.value.picture, 'small');
});

test('what moves meanwhile is not measured', async () => {
  const {wishes, previewer, pass} = asked();
  const small = previewer.show({output: 1, width: 100});
  wishes[0].resolve(preview('small', {bytes: null, estimate: 900}));
  await small;
  previewer.show({output: 2, width: 100});
  pass(10_000);
  assert.equal(wishes.length, 2);
  previewer.stop();
});

test('an answer of the server is read', async () => {
  const answer = (headers, body = 'x') => new Response(body, {headers});
  const small = await read(answer({'Darkroom-Losses': 'exif_dropped, upscaled', 'Darkroom-Ms': '12', 'Darkroom-Output-Size': '4000x3000', 'Darkroom-Estimated-Bytes': '77'}));
  assert.deepEqual(small.losses, ['exif_dropped', 'upscaled']);
  assert.deepEqual([small.width, small.height, small.bytes, small.estimate, small.ms], [4000, 3000, null, 77, 12]);
  const whole = await read(answer({'Darkroom-Losses': '', 'Darkroom-Output-Size': '8x6', 'Darkroom-Output-Bytes': '1'}));
  assert.deepEqual(whole.losses, []);
  assert.deepEqual([whole.bytes, whole.estimate], [1, null]);
});

test('a whole that cannot be made leaves the estimate', async () => {
  const {wishes, previewer, pass} = asked();
  const small = previewer.show({output: 1, width: 100});
  wishes[0].resolve(preview('small', {bytes: null, estimate: 900}));
  await small;
  pass(400);
  wishes[1].reject(new Error('too slow'));
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(previewer.problem.value, '');
  assert.equal(previewer.shown.value.estimate, 900);
});
