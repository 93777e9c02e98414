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
    /** @type {Map<number, {percent: number, stage: string}>} */
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

  /** A row of GET …/files. @param {any} row */
  set(row) {
    const i = row.index;
    this.paths[i] = row.path;
    this.state[i] = Math.max(0, states.indexOf(row.state));
    this.bytesIn[i] = row.bytes_in ?? row.bytes ?? this.bytesIn[i] ?? 0;
    this.bytesOut[i] = (row.outputs ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ o) => sum + (o.bytes ?? 0), 0);
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

  /** An event of the feed about one file. @param {any} e */
  apply(e) {
    const i = e.file;
    const data = e.data ?? {};
    switch (e.type) {
      case 'file_started':
        this.move(i, 'running');
        if (this.paths[i] !== undefined) this.running.set(i, {percent: 0, stage: 'starting'});
        break;
      case 'file_progress':
        if (states[this.state[i]] !== 'running') break;
        this.running.set(i, {percent: data.percent, stage: data.stage});
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

  /**
   * Which files a view shows, in their order; failed ones first when the batch has ended.
   * @param {{state?: string, text?: string, failedFirst?: boolean}} filter @returns {number[]}
   */
  select({state = '', text = '', failedFirst = false}) {
    const wanted = text.toLocaleLowerCase();
    const number = states.indexOf(/** @type {State} */ (state));
    const out = [];
    const failed = states.indexOf('failed');
    for (let i = 0; i < this.paths.length; ++i) {
      if (this.paths[i] === undefined) continue;
      if (state && this.state[i] !== number) continue;
      if (wanted && !this.paths[i].toLocaleLowerCase().includes(wanted)) continue;
      out.push(i);
    }
    if (!failedFirst) return out;
    const first = out.filter(i => this.state[i] === failed);
    return first.length === 0 ? out : [...first, ...out.filter(i => this.state[i] !== failed)];
  }
}
