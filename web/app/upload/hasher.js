/** Digests of files, made by a worker, one after the other. */
import {pauseBefore} from '../api.js';

/** @typedef {{file: File, ok: (digest: Uint8Array) => void, no: (error: Error) => void}} Task */

/** @type {Worker | null} */
let worker = null;
let last = 0;
let failures = 0;
/** @type {Map<number, Task>} */
const waiting = new Map();

function start() {
  worker = new Worker(new URL('hash_worker.js', import.meta.url), {type: 'module'});
  worker.onmessage = ({data: {id, digest, error}}) => {
    failures = 0;
    const one = waiting.get(id);
    waiting.delete(id);
    if (error) one?.no(new Error(error));
    else one?.ok(digest);
  };
  // Its code comes from the server, which may not be there just now.
  worker.onerror = async () => {
    worker?.terminate();
    worker = null;
    await pauseBefore(failures++);
    start();
  };
  for (const [id, {file}] of waiting) worker.postMessage({id, file});
}

/** @param {File} file @returns {Promise<Uint8Array>} its SHA-256 */
export function digestOf(file) {
  return new Promise((ok, no) => {
    const id = ++last;
    waiting.set(id, {file, ok, no});
    if (worker) worker.postMessage({id, file});
    else if (waiting.size === 1 && failures === 0) start();
  });
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  return Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('');
}

/** @param {Uint8Array} bytes */
export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
