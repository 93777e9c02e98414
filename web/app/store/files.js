/**
 * The files of one batch, as columns: a hundred thousand of them are some megabytes. Views read `version`, which
 * changes at most once in a frame, however many events come.
 */
import {signal} from '../../vendor/signals-core.js';

export const states = /** @type {const} */ (['queued', 'running', 'retry_wait', 'completed', 'failed', 'cancelled']);
/** @typedef {typeof states[number]} State */

export class Files {
  constructor() {
    /** @type {string[]} */
    this.paths = [];
    /** @type {number[]} index into `states` */
    this.state = [];
    /** @type {number[]} */
    this.bytesIn = [];
    /** @type {number[]} */
    this.bytesOut = [];
    /** @type {number[]} */
    this.ms = [];
    /** @type {Map<number, {percent: number, stage: string, node: string}>} */
    this.running = new Map();
    /** @type {Map<number, string>} */
    this.reasons = new Map();
    /** @type {Map<number, string[]>} */
    this.losses = new Map();
    this.version = signal(0);
    this.due = false;
  }

  get count() {
    return this.paths.length;
  }

  /** Tells views, once in a frame. */
  touch() {
    if (this.due) return;
    this.due = true;
    const tell = () => {
      this.due = false;
      this.version.value += 1;
    };
    if (typeof requestAnimationFrame === 'function' && !document.hidden) requestAnimationFrame(tell);
    else setTimeout(tell, 16);
  }

  /** A row of GET …/files. @param {import('../types').FileRow} row */
  set(row) {
    const i = row.index;
    if (row.state === 'removed') return;
    this.paths[i] = row.path;
    this.state[i] = Math.max(0, states.indexOf(row.state));
    this.bytesIn[i] = row.bytes_in ?? this.bytesIn[i] ?? 0;
    this.bytesOut[i] = (row.outputs ?? []).reduce((sum, o) => sum + (o.bytes ?? 0), 0);
    this.ms[i] = row.ms ?? 0;
    if (row.reason) this.reasons.set(i, row.reason);
    else this.reasons.delete(i);
    if (row.losses?.length) this.losses.set(i, row.losses);
    else this.losses.delete(i);
    if (row.state !== 'running') this.running.delete(i);
    this.touch();
  }

  /** @param {number} i @param {State} state */
  move(i, state) {
    if (this.paths[i] === undefined) return;
    this.state[i] = states.indexOf(state);
    if (state !== 'running') this.running.delete(i);
    if (state !== 'failed' && state !== 'retry_wait') this.reasons.delete(i);
    this.touch();
  }

  /** An event of the feed about one file. @param {import('../types').FeedEvent} e */
  apply(e) {
    const i = e.file ?? -1;
    const data = e.data ?? {};
    switch (e.type) {
      case 'file_started':
        this.move(i, 'running');
        if (this.paths[i] !== undefined) this.running.set(i, {percent: 0, stage: 'starting', node: ''});
        break;
      case 'file_progress':
        if (states[this.state[i]] !== 'running') break;
        this.running.set(i, {percent: data.percent, stage: data.stage, node: data.node ?? ''});
        this.touch();
        break;
      case 'file_completed':
        this.move(i, 'completed');
        this.bytesOut[i] = data.bytes_out;
        this.ms[i] = data.ms;
        if (data.losses?.length) this.losses.set(i, data.losses);
        break;
      case 'file_failed':
        this.move(i, 'failed');
        this.reasons.set(i, data.reason);
        break;
      case 'file_retry_scheduled':
        this.move(i, 'retry_wait');
        this.reasons.set(i, data.reason);
        break;
      case 'file_requeued':
      case 'file_interrupted':
        this.move(i, 'queued');
        break;
    }
  }

  /** @returns {Record<State, number>} */
  counts() {
    /** @type {any} */
    const out = Object.fromEntries(states.map(s => [s, 0]));
    for (const s of this.state) out[states[s]] += 1;
    return out;
  }

  /** How many failed for each reason, and how many have each loss; the most frequent first. @returns {{reasons: [string, number][], losses: [string, number][]}} */
  kinds() {
    const counted = (/** @type {Iterable<string>} */ names) => {
      /** @type {Map<string, number>} */
      const counts = new Map();
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
      return [...counts].sort((a, b) => b[1] - a[1]);
    };
    return {reasons: counted(this.reasons.values()), losses: counted([...this.losses.values()].flat())};
  }

  /** Of these files, those that can be tried again. @param {number[]} indexes @returns {number[]} */
  retryable(indexes) {
    const failed = states.indexOf('failed');
    const cancelled = states.indexOf('cancelled');
    return indexes.filter(i => this.state[i] === failed || this.state[i] === cancelled);
  }

  /**
   * Which files a view shows, in their order; failed ones first when the batch has ended.
   * @param {{state?: string, text?: string, reason?: string, loss?: string, failedFirst?: boolean}} filter
   * @returns {number[]}
   */
  select({state = '', text = '', reason = '', loss = '', failedFirst = false}) {
    const wanted = text.toLocaleLowerCase();
    const number = states.indexOf(/** @type {State} */ (state));
    const out = [];
    const failed = states.indexOf('failed');
    for (let i = 0; i < this.paths.length; ++i) {
      if (this.paths[i] === undefined) continue;
      if (state && this.state[i] !== number) continue;
      if (wanted && !this.paths[i].toLocaleLowerCase().includes(wanted)) continue;
      if (reason && this.reasons.get(i) !== reason) continue;
      if (loss && !this.losses.get(i)?.includes(loss)) continue;
      out.push(i);
    }
    if (!failedFirst) return out;
    const first = out.filter(i => this.state[i] === failed);
    return first.length === 0 ? out : [...first, ...out.filter(i => this.state[i] !== failed)];
  }
}
