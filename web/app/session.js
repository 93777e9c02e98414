/**
 * Who uses the page. A token comes from the fragment of the URL that the server printed, or is entered
 * once; it stays in the session storage of the tab. Behind a proxy that signs people in there is none.
 */
import {computed, signal} from '../vendor/signals-core.js';

/** @typedef {{user: string, role: string}} Me */

const key = 'token';
export const token = signal(sessionStorage.getItem(key) ?? '');
/** @type {import('../vendor/signals-core.js').Signal<Me | null>} */
export const me = signal(/** @type {Me | null} */ (null));
/** What the login says: nothing yet, that the token is wrong, or that it has ended. */
export const loginState = signal(/** @type {'' | 'needed' | 'wrong' | 'expired'} */ (''));
export const signedIn = computed(() => me.value !== null && loginState.value === '');

/** @type {(() => void)[]} */
let waiting = [];

/** Takes the token out of the address, so that it is in no history and no link. */
export function takeTokenFromAddress() {
  const found = location.hash.match(/^#token=(dr_[\w-]+)$/);
  if (!found) return;
  setToken(found[1]);
  history.replaceState(null, '', location.pathname);
}

/** @param {string} text */
export function setToken(text) {
  token.value = text;
  sessionStorage.setItem(key, text);
}

/** A request was refused for its token: all of them wait until there is a new one. */
export function tokenRefused() {
  if (loginState.value === '') loginState.value = me.value ? 'expired' : token.value ? 'wrong' : 'needed';
  return new Promise(resolve => waiting.push(/** @type {() => void} */ (resolve)));
}

/** @param {Me} who */
export function signIn(who) {
  me.value = who;
  loginState.value = '';
  const all = waiting;
  waiting = [];
  for (const go of all) go();
}

export function signOut() {
  sessionStorage.removeItem(key);
  location.hash = '';
  location.reload();
}
