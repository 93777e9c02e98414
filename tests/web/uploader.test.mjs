// What is sent of a drop, without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.sessionStorage = globalThis.localStorage = {getItem: () => null, setItem: () => {}, removeItem: () => {}};
globalThis.navigator = {languages: ['en'], onLine: true};
globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
const {Uploader} = await import('../../web/app/upload/uploader.js');

const settled = () => new Promise(go => setImmediate(go));

test('a picture that is being sent to this batch is not sent again, unless that request fails', async () => {
  const put = [];
  globalThis.fetch = async path => {
    put.push(path);
    return Response.json({index: 0});
  };
  let arrive, fail;
  const requests = new Map([
    ['/v1/batches/batch/files/a.png', new Promise(go => (arrive = go))],
    ['/v1/batches/other/files/c.png', Promise.resolve()],
    ['/v1/batches/batch/files/b.png', new Promise((_, no) => (fail = no))],
  ]);
  const pictures = ['a.png', 'b.png', 'c.png'].map(path => ({path, file: new Blob(['x']), format: 'png'}));
  const uploader = new Uploader('batch', pictures, requests);
  const all = uploader.sendAll(pictures);
  await settled();
  assert.deepEqual(put, ['/v1/batches/batch/files/c.png']);
  arrive();
  fail(new Error('broken'));
  await all;
  assert.deepEqual(put, ['/v1/batches/batch/files/c.png', '/v1/batches/batch/files/b.png']);
  assert.equal(uploader.progress.value.done, 3);
  assert.equal(uploader.rejected.value.size, 0);
});
