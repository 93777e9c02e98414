/** The server's API: requests with the token, problems as errors, and waiting where that helps. */
import {signal as state} from '../vendor/signals-core.js';
import {loginState, setToken, signIn, token, tokenRefused} from './session.js';
import {hasText, t} from './text.js';

/** What the server refused (RFC 9457), or that it was not reached (`status` 0). */
export class ApiError extends Error {
  /** @param {number} status @param {any} problem */
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? String(status));
    this.status = status;
    this.problem = problem;
    this.code = /** @type {string} */ (problem.code ?? (this.unreached ? 'unreached' : ''));
  }
  /** Whether nothing answered, or a proxy for a server that did not. */
  get unreached() {
    return [0, 502, 504].includes(this.status);
  }
  /** For people: what happened, and what to do. */
  get text() {
    const values = {detail: this.problem.detail ?? '', title: this.problem.title ?? this.message};
    if (this.code === 'quota_exceeded') return t('error.quota', values);
    if (this.status === 507) return t('error.disk');
    if (this.status === 413) return t('error.too_large', values);
    if (this.code === 'no_workers') return t('error.workers');
    return hasText(`error.${this.code}`) ? t(`error.${this.code}`, values) : t('error.other', values).trim();
  }
  /** Whether the same request may succeed later. */
  get passes() {
    // The server is still at a try of ours whose connection broke.
    if (this.code === 'upload_in_progress' || this.code === 'request_in_progress') return true;
    return this.unreached || [429, 503, 507].includes(this.status);
  }
}

/** An error in words for people. @param {unknown} error */
export const errorText = error => (error instanceof ApiError ? error.text : String(error));

/**
 * What comes from the server. Where the connection breaks, also in the middle of an answer, that is an `ApiError` like
 * any other, which passes. @template T @param {Promise<T>} work @param {AbortSignal} [signal] @returns {Promise<T>}
 */
export async function received(work, signal) {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, {title: String(error)});
  }
}

/** @param {Response} answer */
const isPage = answer => answer.headers.get('Content-Type')?.startsWith('text/html') ?? false;

/** @returns {Record<string, string>} */
function authorization() {
  return token.value ? {Authorization: `Bearer ${token.value}`} : {};
}

/**
 * @typedef {{body?: BodyInit, json?: unknown, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} Options
 * @param {string} method @param {string} path @param {Options} [options] @returns {Promise<Response>}
 */
export async function send(method, path, options = {}) {
  const {json, ...rest} = options;
  for (;;) {
    const headers = {...authorization(), ...options.headers};
    if (json !== undefined) headers['Content-Type'] = 'application/json';
    const used = token.value;
    const body = json !== undefined ? JSON.stringify(json) : options.body;
    const answer = await received(fetch(path, {method, ...rest, headers, body}), options.signal);
    // The API sends no pages: this one is of a network or a proxy that wants a sign-in, or has no server behind it.
    if (isPage(answer) && (answer.ok || [403, 404].includes(answer.status))) throw new ApiError(0, {code: 'foreign_answer'});
    if (answer.ok || answer.status === 304) return answer;
    if (answer.status === 401 && used === token.value) {
      await tokenRefused();
      continue;
    }
    if (answer.status === 401) continue;
    const problem = await answer.json().catch(() => ({title: answer.statusText || String(answer.status)}));
    throw new ApiError(answer.status, {...problem, retryAfter: Number(answer.headers.get('Retry-After') ?? 0)});
  }
}

/** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<any>} */
export async function call(method, path, options) {
  const answer = await send(method, path, options);
  return answer.status === 204 ? null : received(answer.json(), options?.signal);
}

/**
 * Tries until it succeeds, or is refused for good. `waits` is told what it waits for, and '' when it goes on.
 * @template T @param {() => Promise<T>} work @param {AbortSignal} [signal] @param {(why: string) => void} [waits]
 * @returns {Promise<T>}
 */
export async function persist(work, signal, waits) {
  for (let attempt = 0; ; ++attempt) {
    try {
      const result = await work();
      waits?.('');
      return result;
    } catch (error) {
      if (signal?.aborted || !(error instanceof ApiError) || !error.passes) throw error;
      waits?.(error.code === 'unreached' ? t('error.network') : error.text);
      await pauseBefore(attempt, signal, error.problem.retryAfter);
      signal?.throwIfAborted();
    }
  }
}

/** What reads wait for, each its own. @type {Map<symbol, string>} */
const waits = new Map();
/** What the latest of the reads that wait is waiting for; '' when none does. For the bar. */
export const waiting = state('');

/** Reads until it succeeds, or is refused for good. @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function read(path, signal) {
  const mine = Symbol(path);
  const tell = (/** @type {string} */ why) => {
    waits.delete(mine);
    if (why) waits.set(mine, why);
    waiting.value = [...waits.values()].at(-1) ?? '';
  };
  try {
    return await persist(() => call('GET', path, {signal}), signal, tell);
  } finally {
    tell('');
  }
}

/** Tries a token, and signs in with it; fails where the server does not answer. @param {string} text */
export async function enter(text) {
  const answer = await fetch('/v1/me', {headers: text ? {Authorization: `Bearer ${text}`} : {}});
  if (answer.ok) {
    if (text) setToken(text);
    signIn(await answer.json());
    return true;
  }
  if (answer.status !== 401 && answer.status !== 403) throw new ApiError(answer.status, await answer.json().catch(() => ({})));
  loginState.value = text ? 'wrong' : 'needed';
  return false;
}

const longestMs = 15_000;
const longestAskedS = 120; // whatever is asked for: the page is not to look dead

/**
 * Waits, longer each time, half of it by chance; at least as long as the server asked for.
 * @param {number} attempt @param {AbortSignal} [signal] @param {number} [askedS] seconds
 */
export function pauseBefore(attempt, signal, askedS = 0) {
  const most = Math.min(longestMs, 250 * 2 ** attempt);
  const least = 1000 * Math.min(longestAskedS, askedS || 0); // a date is no number
  return new Promise(resolve => {
    const now = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', now);
      removeEventListener('online', now);
      resolve(undefined);
    };
    const timer = setTimeout(now, least + most / 2 + Math.random() * (most / 2));
    signal?.addEventListener('abort', now);
    addEventListener('online', now);
  });
}

/**
 * Saves what a path gives as a file. The address holds a ticket for this path alone, so that the browser
 * can resume the download, and the token is in no history.
 * @param {string} path
 */
export async function download(path) {
  const {ticket} = await call('POST', '/v1/tickets', {json: {download: path}});
  const link = document.createElement('a');
  link.href = `${path}?ticket=${ticket}`;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
