/**
 * Follows a batch from the last seq on: by WebSocket; where a proxy lets none through, by server-sent events;
 * where neither can be opened, by reading its state every few seconds. What was missed meanwhile comes first, so
 * nothing is lost and nothing comes twice.
 */
import {signal} from '../../vendor/signals-core.js';
import {ApiError, call, pauseBefore} from '../api.js';

/** @typedef {import('../store/batch.js').Batch} Batch */

/** For the bar: quietly. */
export const connection = signal(/** @type {'live' | 'connecting' | 'polling' | 'offline'} */ ('connecting'));

const pollMs = 3000;
const ticketMs = 15_000;
const askMs = 20_000;
const lookMs = 2000;
const sleptMs = 8000; // without a look in between
const answerMs = 4000; // then, to an answer
const silenceMs = 45_000; // the server pings after 15 s; browsers do not show that, so we ask ourselves

/** @param {Batch} batch */
export async function follow(batch) {
  let failures = 0;
  while (!batch.stop.signal.aborted && !batch.error.value) {
    let opened = await byWebSocket(batch).catch(() => false);
    if (!opened && failures >= 1 && !batch.stop.signal.aborted)
      opened = await byServerSentEvents(batch).catch(() => false);
    if (batch.stop.signal.aborted || batch.error.value) return;
    failures = opened ? 0 : failures + 1;
    connection.value = navigator.onLine ? 'connecting' : 'offline';
    if (failures >= 3) await byPolling(batch);
    else await pauseBefore(failures, batch.stop.signal);
  }
}

/** One for a feed, with a deadline: a connection that died while the machine slept never answers. @param {Batch} batch */
async function newTicket(batch) {
  const stop = new AbortController();
  const leave = () => stop.abort();
  batch.stop.signal.addEventListener('abort', leave);
  const late = setTimeout(leave, ticketMs);
  try {
    return (await call('POST', '/v1/tickets', {signal: stop.signal})).ticket;
  } finally {
    clearTimeout(late);
    batch.stop.signal.removeEventListener('abort', leave);
  }
}

/** @param {Batch} batch @returns {Promise<boolean>} whether it was open, when it has closed */
async function byWebSocket(batch) {
  const ticket = await newTicket(batch);
  const address = new URL(`/v1/events?ticket=${ticket}`, location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  const socket = new WebSocket(address, ['darkroom.v1']);
  let opened = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  let end = () => socket.close();
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => end(), silenceMs);
  };
  const ask = () => {
    if (socket.readyState === WebSocket.OPEN) socket.send('{"op":"ping","id":0}');
  };
  let asked = Date.now();
  let looked = asked;
  const asking = setInterval(() => {
    const now = Date.now();
    if (now - looked > sleptMs) {
      // The machine may have slept: then the socket is dead, and only writing to it tells.
      ask();
      clearTimeout(silence);
      silence = setTimeout(() => end(), answerMs);
    } else if (now - asked >= askMs) {
      asked = now;
      ask();
    }
    looked = now;
  }, lookMs);
  const leave = () => end();
  batch.stop.signal.addEventListener('abort', leave);
  addEventListener('offline', leave);
  heard();
  try {
    await new Promise(resolve => {
      // Not with the other side's word: where there is no network, it takes a minute.
      end = () => {
        socket.onmessage = null;
        socket.close();
        resolve(undefined);
      };
      socket.onopen = () => {
        opened = true;
        connection.value = 'live';
        socket.send(JSON.stringify({op: 'subscribe', id: 1, batch: batch.id, after: batch.seq}));
      };
      socket.onmessage = message => {
        heard();
        const said = JSON.parse(message.data);
        if (said.op === 'events') for (const e of said.events) batch.apply(e);
        else if (said.op === 'snapshot') batch.readSoon();
        else if (said.op === 'error' && said.code === 'not_found') batch.error.value = new ApiError(404, {code: 'not_found'});
      };
      socket.onclose = resolve;
      socket.onerror = resolve;
    });
  } finally {
    clearTimeout(silence);
    clearInterval(asking);
    batch.stop.signal.removeEventListener('abort', leave);
    removeEventListener('offline', leave);
  }
  return opened;
}

/** @param {Batch} batch @returns {Promise<boolean>} whether it was open, when it has ended */
async function byServerSentEvents(batch) {
  const ticket = await newTicket(batch);
  const source = new EventSource(`${batch.path}/events?after=${batch.seq}&ticket=${ticket}`);
  let opened = false;
  await new Promise(resolve => {
    source.onopen = () => {
      opened = true;
      connection.value = 'live';
    };
    source.onmessage = message => batch.apply(JSON.parse(message.data));
    // Not left to the browser: its next try would show a ticket that was used.
    source.onerror = resolve;
    batch.stop.signal.addEventListener('abort', resolve, {once: true});
  });
  source.close();
  return opened;
}

/** For half a minute; then the socket is tried again. @param {Batch} batch */
async function byPolling(batch) {
  for (let i = 0; i < 10 && !batch.stop.signal.aborted; ++i) {
    try {
      await batch.refresh();
      connection.value = 'polling';
      const at = batch.view.value?.seq ?? 0;
      if (at > batch.seq) {
        await batch.readFiles();
        batch.seq = Math.max(batch.seq, at);
      }
    } catch {
      connection.value = navigator.onLine ? 'connecting' : 'offline';
    }
    await new Promise(go => setTimeout(go, pollMs));
  }
}
