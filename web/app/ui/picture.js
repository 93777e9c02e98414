/** A picture of the server's: fetched with the token when it comes into view, at most a few at a time. */
import {useEffect, useState} from '../../vendor/hooks.js';
import {persist, received, send} from '../api.js';
import {html} from './html.js';

const atOnce = 4;
let running = 0;
/** @type {(() => void)[]} */
const queue = [];

/** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
async function inTurn(work) {
  if (running >= atOnce) await new Promise(go => queue.push(/** @type {() => void} */ (go)));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    queue.shift()?.();
  }
}

/** @type {Map<string, string>} the last few hundred, by path */
const kept = new Map();
const keptMax = 400;

/** @param {string} path @param {AbortSignal} signal @returns {Promise<string>} an address for <img> */
async function fetched(path, signal) {
  const before = kept.get(path);
  if (before) return before;
  const read = async () => {
    if (signal.aborted) throw new Error('gone');
    return received((await send('GET', path, {signal})).blob(), signal);
  };
  const blob = await persist(() => inTurn(read), signal); // in a pause, others have their turn
  const url = URL.createObjectURL(blob);
  kept.set(path, url);
  if (kept.size > keptMax) {
    const [oldest, its] = /** @type {[string, string]} */ (kept.entries().next().value);
    kept.delete(oldest);
    URL.revokeObjectURL(its);
  }
  return url;
}

/** @param {{path: string, alt?: string, class?: string}} props */
export function Picture({path, alt = '', class: name = ''}) {
  const [url, setUrl] = useState(kept.get(path) ?? '');
  useEffect(() => {
    const stop = new AbortController();
    setUrl(kept.get(path) ?? '');
    fetched(path, stop.signal).then(setUrl, () => {});
    return () => stop.abort();
  }, [path]);
  return url ? html`<img src=${url} alt=${alt} class=${name} />` : html`<span class="blank" aria-hidden="true"></span>`;
}

/** A file of the user's that was not sent yet. @param {{file: File}} props */
export function LocalPicture({file}) {
  const [url, setUrl] = useState('');
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setBroken(false);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url && !broken
    ? html`<img src=${url} alt="" loading="lazy" decoding="async" onError=${() => setBroken(true)} />`
    : html`<span class=${broken ? 'blank broken' : 'blank'}></span>`;
}
