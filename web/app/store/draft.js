/**
 * The batch that a drop becomes. It is made when something is dropped, so that the server can show what it would
 * make of a sample; it gets its name and its spec when it starts. One that never does ends by itself on the server.
 */
import {signal} from '../../vendor/signals-core.js';
import {call, errorText, persist, send} from '../api.js';
import {formats} from './drop.js';
import {choice, specOf} from './spec.js';

/** @typedef {import('./drop.js').Picture} Picture */

/** The picture that is shown, and its number in the draft; null: it is not there yet. */
export const sample = signal(/** @type {{picture: Picture, batch: string, index: number} | null} */ (null));
export const sampleProblem = signal('');

/** @type {Promise<any> | null} */
let made = null;
let madeId = ''; // when it is there
/** @type {Map<string, number>} numbers of the samples that were sent, by path */
let sent = new Map();
/** @type {Map<string, Promise<unknown>>} the last request for each sample, by its address */
let requests = new Map();

const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

/**
 * Aborted, it is not tried again; a request that is under way ends, so that its batch can be discarded.
 * @param {string} name @param {AbortSignal} signal @param {(why: string) => void} waits @returns {Promise<any>} the batch
 */
function create(name, signal, waits) {
  const json = {name, spec: specOf(choice.value, formats.value)};
  const headers = {'Idempotency-Key': newKey()}; // the same for each try: one batch is made
  return persist(() => call('POST', '/v1/batches', {json, headers}), signal, waits);
}

/**
 * Makes this picture the sample.
 * @param {Picture} picture @param {string} name of the batch @param {AbortSignal} signal when the drop is discarded
 */
export async function showSample(picture, name, signal) {
  sampleProblem.value = '';
  const waits = (/** @type {string} */ why) => {
    if (!signal.aborted) sampleProblem.value = why;
  };
  try {
    const mine = (made ??= create(name, signal, waits));
    const batch = await mine;
    if (made === mine) madeId = batch.id;
    let index = sent.get(picture.path);
    if (index === undefined) {
      const path = picture.path.split('/').map(encodeURIComponent).join('/');
      const put = () => {
        const address = `/v1/batches/${batch.id}/files/${path}`;
        const request = call('PUT', address, {body: picture.file});
        requests.set(address, request);
        return request;
      };
      const {index: added} = await persist(put, signal, waits);
      if (signal.aborted) return;
      index = /** @type {number} */ (added);
      sent.set(picture.path, index);
    }
    if (made === mine) sample.value = {picture, batch: batch.id, index};
  } catch (error) {
    if (signal.aborted) return;
    if (sent.size === 0) made = null; // the next try, or the start, makes another
    sampleProblem.value = errorText(error);
  }
}

/**
 * Gives the draft, as it is to be started.
 * @param {string} name @param {AbortSignal} signal when the drop is discarded
 * @param {(why: string) => void} waits told what it waits for
 * @returns {Promise<{id: string, requests: Map<string, Promise<unknown>>}>} with the requests for samples, by their
 *   address: some may be under way
 */
export async function takeDraft(name, signal, waits) {
  const mine = made;
  made = null; // from here on only this discards it
  /** @type {any} */
  let batch = null;
  try {
    batch = await (mine ?? create(name, signal, waits));
    const json = {name, spec: specOf(choice.value, formats.value)};
    if (mine) await persist(() => call('PATCH', `/v1/batches/${batch.id}`, {json}), signal, waits);
    signal.throwIfAborted();
    const underWay = requests;
    forget();
    return {id: batch.id, requests: underWay};
  } catch (error) {
    if (batch && signal.aborted) remove(batch.id);
    else if (batch) made = mine;
    throw error;
  }
}

/** @param {string} id */
const remove = id => call('DELETE', `/v1/batches/${id}?cancel=true`).catch(() => {});

/** Nobody wants it any more. */
export function discardDraft() {
  made?.then(batch => remove(batch.id)).catch(() => {});
  forget();
}

// Also when the page is closed or left; a request with `keepalive` outlives it.
if (typeof addEventListener === 'function')
  addEventListener('pagehide', e => {
    if (e.persisted || !made || !madeId) return;
    send('DELETE', `/v1/batches/${madeId}?cancel=true`, {keepalive: true}).catch(() => {});
    forget();
  });

function forget() {
  made = null;
  madeId = '';
  sent = new Map();
  requests = new Map();
  sample.value = null;
  sampleProblem.value = '';
}
