// The store of a batch's files, without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';
import {Files} from '../../web/app/store/files.js';

/** Three files as the API lists them. */
function three() {
  const files = new Files();
  files.set({index: 0, path: 'a/one.jpg', state: 'completed', bytes_in: 100, ms: 5, losses: ['exif_dropped'], outputs: [{bytes: 40}, {bytes: 2}]});
  files.set({index: 1, path: 'a/two.png', state: 'failed', reason: 'corrupt_input', bytes_in: 10});
  files.set({index: 2, path: 'three.webp', state: 'queued', bytes_in: 7});
  return files;
}

test('rows of the API fill the columns', () => {
  const files = three();
  assert.equal(files.count, 3);
  assert.equal(files.bytesOut[0], 42);
  assert.deepEqual(files.losses.get(0), ['exif_dropped']);
  assert.equal(files.reasons.get(1), 'corrupt_input');
  assert.deepEqual(files.counts(), {queued: 1, running: 0, retry_wait: 0, completed: 1, failed: 1, cancelled: 0});
});

test('events move a file through its states', () => {
  const files = three();
  files.apply({type: 'file_started', file: 2, data: {}});
  files.apply({type: 'file_progress', file: 2, data: {percent: 40, stage: 'encoding'}});
  assert.deepEqual(files.running.get(2), {percent: 40, stage: 'encoding', node: ''});
  files.apply({type: 'file_retry_scheduled', file: 2, data: {reason: 'io_error'}});
  assert.equal(files.reasons.get(2), 'io_error');
  assert.equal(files.running.size, 0);
  files.apply({type: 'file_started', file: 2, data: {}});
  files.apply({type: 'file_completed', file: 2, data: {bytes_out: 3, ms: 9, losses: []}});
  assert.equal(files.counts().completed, 2);
  assert.equal(files.reasons.has(2), false);
});

test('progress of a file that has ended is passed over', () => {
  const files = three();
  files.apply({type: 'file_progress', file: 0, data: {percent: 99, stage: 'storing'}});
  assert.equal(files.running.size, 0);
});

test('an event about a file that is not known yet changes nothing', () => {
  const files = three();
  files.apply({type: 'file_started', file: 9, data: {}});
  files.apply({type: 'file_failed', file: 9, data: {reason: 'internal'}});
  assert.equal(files.count, 3);
  assert.equal(files.counts().running, 0);
});

test('a search and a state select; failed ones come first when asked', () => {
  const files = three();
  assert.deepEqual(files.select({}), [0, 1, 2]);
  assert.deepEqual(files.select({text: 'A/'}), [0, 1]);
  assert.deepEqual(files.select({state: 'queued'}), [2]);
  assert.deepEqual(files.select({state: 'queued', text: 'a/'}), []);
  assert.deepEqual(files.select({failedFirst: true}), [1, 0, 2]);
});

test('views are told once, however many events come', async () => {
  const files = three();
  await new Promise(go => setTimeout(go, 40));
  const before = files.version.value;
  for (let i = 0; i < 1000; ++i) files.apply({type: 'file_requeued', file: 2, data: {}});
  await new Promise(go => setTimeout(go, 40));
  assert.equal(files.version.value, before + 1);
});

test('reasons and losses are counted, and select', () => {
  const files = three();
  files.set({index: 3, path: 'four.jpg', state: 'completed', bytes_in: 1, losses: ['exif_dropped', 'icc_dropped'], outputs: []});
  assert.deepEqual(files.kinds(), {reasons: [['corrupt_input', 1]], losses: [['exif_dropped', 2], ['icc_dropped', 1]]});
  assert.deepEqual(files.select({reason: 'corrupt_input'}), [1]);
  assert.deepEqual(files.select({loss: 'exif_dropped'}), [0, 3]);
  assert.deepEqual(files.select({loss: 'icc_dropped', text: 'a/'}), []);
});

test('only what failed or was cancelled can be tried again', () => {
  const files = three();
  files.move(2, 'cancelled');
  assert.deepEqual(files.retryable([0, 1, 2]), [1, 2]);
});
