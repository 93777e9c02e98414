/** Where the page is: the fragment of its address, so that back, reload and links work. */
import {signal} from '../vendor/signals-core.js';

/** @typedef {{view: 'start' | 'list' | 'batch', id?: string, file?: number}} Route */

/** @returns {Route} */
function read() {
  const parts = location.hash.replace(/^#\/?/, '').split('/');
  if (parts[0] === 'batches') return {view: 'list'};
  if (parts[0] === 'b' && parts[1])
    return {view: 'batch', id: parts[1], file: parts[2] === 'f' ? Number(parts[3]) : undefined};
  return {view: 'start'};
}

export const route = signal(read());
addEventListener('hashchange', () => (route.value = read()));

/** @param {string} fragment such as `#/b/…` */
export function go(fragment) {
  location.hash = fragment;
}
