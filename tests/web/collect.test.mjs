// What people drop, pick or paste, without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';
import {commonFolder, withOwnPaths} from '../../web/app/upload/collect.js';

const paths = (/** @type {string[]} */ ...names) =>
  withOwnPaths(names.map(path => ({path, file: /** @type {any} */ (null)}))).map(f => f.path);

test('files of one name get numbers, others keep theirs', () => {
  assert.deepEqual(paths('a.jpg', 'b.jpg', 'x/a.jpg'), ['a.jpg', 'b.jpg', 'x/a.jpg']);
  assert.deepEqual(paths('image.png', 'image.png', 'image.png'), ['image.png', 'image-2.png', 'image-3.png']);
  assert.deepEqual(paths('image.png', 'image.png', 'image-2.png'), ['image.png', 'image-3.png', 'image-2.png']);
  assert.deepEqual(paths('d.1/a', 'd.1/a', '.png', '.png'), ['d.1/a', 'd.1/a-2', '.png', '.png-2']);
});

test('a batch is named after the folder that all files have in common', () => {
  const named = (/** @type {string[]} */ ...names) => commonFolder(names.map(path => ({path, file: /** @type {any} */ (null)})));
  assert.equal(named('photos/a.jpg', 'photos/b/c.jpg'), 'photos');
  assert.equal(named('photos/a.jpg', 'other/c.jpg'), '');
  assert.equal(named('a.jpg'), '');
});
