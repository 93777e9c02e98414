// Requests that are tried again, without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';

// What of a browser the modules ask for when they are loaded.
globalThis.sessionStorage = globalThis.localStorage = {getItem: () => null, setItem: () => {}, removeItem: () => {}};
globalThis.navigator = {languages: ['en'], onLine: true};
globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
const {ApiError, errorText, pauseBefore, persist, read, received, send, waiting} = await import('../../web/app/api.js');
const {Batch} = await import('../../web/app/store/batch.js');

const away = () => new ApiError(0, {title: 'away'});
/** All that is ready to run has run. */
const settled = () => new Promise(go => setImmediate(go));

test('what breaks off is an error that passes; what was aborted stays aborted', async () => {
  const broken = await received(Promise.reject(new TypeError('network error'))).catch(e => e);
  assert.ok(broken instanceof ApiError && broken.passes);
  const stop = new AbortController();
  stop.abort();
  const aborted = await received(Promise.reject(new TypeError('aborted')), stop.signal).catch(e => e);
  assert.ok(!(aborted instanceof ApiError));
  assert.equal(errorText(new Error('odd')), 'Error: odd');
});

test('it is tried until it succeeds, and says meanwhile what it waits for', async t => {
  t.mock.timers.enable({apis: ['setTimeout']});
  let tries = 0;
  const told = [];
  const done = persist(async () => (++tries < 3 ? Promise.reject(away()) : 'there'), undefined, why => told.push(why !== ''));
  for (let i = 0; i < 3; ++i) {
    await settled();
    t.mock.timers.tick(15_000);
  }
  assert.equal(await done, 'there');
  assert.equal(tries, 3);
  assert.deepEqual(told, [true, true, false]);
});

test('what the server refuses for good is not tried again; what it is still busy with is', async () => {
  let tries = 0;
  await assert.rejects(persist(async () => (++tries, Promise.reject(new ApiError(409, {code: 'wrong_state'})))));
  assert.equal(tries, 1);
  assert.ok(new ApiError(409, {code: 'upload_in_progress'}).passes);
  assert.ok(new ApiError(409, {code: 'request_in_progress'}).passes);
});

test('who gives up while it waits is asked for nothing more', async t => {
  t.mock.timers.enable({apis: ['setTimeout']});
  const stop = new AbortController();
  let tries = 0;
  const done = persist(async () => (++tries, Promise.reject(away())), stop.signal);
  await settled();
  stop.abort();
  await assert.rejects(done, {name: 'AbortError'});
  assert.equal(tries, 1);
});

test('while a read of the batch is tried again, events ask for one more, not for one each', async t => {
  t.mock.timers.enable({apis: ['setTimeout']});
  const batch = new Batch('b');
  let reads = 0;
  let there = false;
  const read = async () => {
    reads += 1;
    if (!there) throw away();
  };
  for (let i = 0; i < 20; ++i) {
    batch.soon('state', 100, read);
    t.mock.timers.tick(100);
    await settled();
  }
  assert.ok(reads < 5, `${reads} reads`); // one loop, with longer and longer pauses
  there = true;
  for (let i = 0; i < 4; ++i) {
    t.mock.timers.tick(15_000);
    await settled();
  }
  const then = reads;
  batch.soon('state', 100, read);
  t.mock.timers.tick(100);
  await settled();
  assert.equal(reads, then + 1);
  batch.close();
});

test('an answer that is older than what is shown changes nothing', () => {
  const batch = new Batch('b');
  batch.show({seq: 7, name: 'new'});
  batch.show({seq: 6, name: 'old'});
  assert.equal(batch.view.value.name, 'new');
  batch.show({seq: 7, name: 'new', percent: 50});
  assert.equal(batch.view.value.percent, 50);
});

test('progress without a forecast takes the last one away', () => {
  const batch = new Batch('b');
  batch.show({seq: 7, state: 'running', percent: 10, eta_ms: 5000, eta_low_ms: 4000, eta_high_ms: 6000});
  batch.apply({type: 'batch_progress', data: {state: 'running', percent: 20, seq: 9}});
  assert.deepEqual(batch.view.value, {seq: 7, state: 'running', percent: 20});
});

/** What `fetch` answers, one after another. @param {[number, Record<string, string>, string][]} answers */
function answering(answers) {
  const asked = [];
  globalThis.fetch = async path => {
    asked.push(path);
    const [status, headers, body] = answers.shift();
    return new Response(body, {status, headers});
  };
  return asked;
}
const html = {'Content-Type': 'text/html; charset=utf-8'};
const json = {'Content-Type': 'application/json'};

test('a page is no answer of the API, and passes', async () => {
  answering([[200, html, '<form>sign in</form>']]);
  const error = await send('PUT', '/v1/batches/b/files/a.png').catch(e => e);
  assert.ok(error instanceof ApiError && error.passes);
  assert.match(errorText(error), /answered in the server's place/);
});

test('what a proxy says for a server that is away passes; a fault of the server does not', async () => {
  for (const [status, passes] of [[502, true], [503, true], [504, true], [429, true], [507, true], [500, false], [404, true], [403, true]]) {
    answering([[status, html, '<h1>nginx</h1>']]);
    const error = await send('GET', '/v1/me').catch(e => e);
    assert.equal(error.passes, passes, String(status));
  }
});

test('the bar is told what reads wait for, until the last one has its answer', async t => {
  t.mock.timers.enable({apis: ['setTimeout']});
  answering([[502, html, ''], [503, {...json, 'Retry-After': '30'}, '{"title":"Busy","detail":"Later.","code":"busy"}'], [200, json, '1'], [200, json, '2']]);
  const first = read('/v1/a');
  const second = read('/v1/b');
  for (let i = 0; i < 1000 && waiting.value !== 'Busy. Later.'; ++i) await settled();
  assert.equal(waiting.value, 'Busy. Later.');
  t.mock.timers.tick(15_000);
  assert.equal(await first, 1);
  assert.equal(waiting.value, 'Busy. Later.');
  t.mock.timers.tick(14_000);
  await settled();
  assert.equal(waiting.value, 'Busy. Later.'); // the server asked for 30 s
  t.mock.timers.tick(15_000);
  assert.equal(await second, 2);
  assert.equal(waiting.value, '');
});

test('a pause is at least as long as was asked for, and never for hours', async t => {
  t.mock.timers.enable({apis: ['setTimeout']});
  for (const [asked, before, after] of [[5, 5_000, 5_250], [86_400, 120_000, 120_250], [NaN, 100, 250], [0, 100, 250]]) {
    let over = false;
    pauseBefore(0, undefined, asked).then(() => (over = true));
    t.mock.timers.tick(before);
    await settled();
    assert.equal(over, false, String(asked));
    t.mock.timers.tick(after - before);
    await settled();
    assert.equal(over, true, String(asked));
  }
});
