/** The batch that is open: its state from the API, kept true by the feed. */
import {signal} from '../../vendor/signals-core.js';
import {ApiError, call, errorText, persist, received, send} from '../api.js';
import {follow} from '../feed/feed.js';
import {Files} from './files.js';

/** @typedef {import('../types').BatchView} BatchView */
/** @typedef {import('../types').FeedEvent} FeedEvent */

const rowsAtOnce = 100;
const sliceMs = 12;

/** When the next frame has been drawn; at once where none is. */
const drawn = () =>
  new Promise(go => {
    if (typeof requestAnimationFrame === 'function' && !document.hidden) requestAnimationFrame(() => setTimeout(go));
    else setTimeout(go);
  });

export class Batch {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.view = signal(/** @type {BatchView | null} */ (null));
    this.error = signal(/** @type {unknown} */ (null));
    /** What was commanded and is not settled yet. */
    this.pending = signal('');
    /** What the last command was refused with. */
    this.problem = signal('');
    /** What was done last and can be undone. */
    this.undo = signal(/** @type {{text: string, run: () => Promise<void>} | null} */ (null));
    /** Files of all users that come before this batch's next. */
    this.ahead = signal(0);
    this.files = new Files();
    this.seq = 0;
    this.reads = 0;
    /** Events that came while files were read: a row may be older than they are. @type {FeedEvent[]} */
    this.meanwhile = [];
    /** What is to be read soon, by name. @type {Set<string>} */
    this.due = new Set();
    /** What is being read, or tried again, by name. @type {Map<string, Promise<void>>} */
    this.reading = new Map();
    this.stop = new AbortController();
  }

  get path() {
    return `/v1/batches/${this.id}`;
  }

  /** Reads everything, then follows. Ends with `close`. */
  async open() {
    try {
      await persist(() => this.read(), this.stop.signal);
    } catch (error) {
      if (!this.stop.signal.aborted) this.error.value = error;
      return;
    }
    follow(this);
  }

  close() {
    this.stop.abort();
  }

  /** A screen of rows, beside the state: they are read again with all others, since they may be older than it is. */
  async readFirst() {
    const {files} = await call('GET', `${this.path}/files?limit=${rowsAtOnce}`, {signal: this.stop.signal});
    if (this.files.count === 0) for (const row of files) this.files.set(row);
  }

  /** The state, and then all files: events after the state's seq are applied on top. */
  async read() {
    const first = this.view.value === null ? this.readFirst().catch(() => {}) : null;
    const view = await call('GET', this.path, {signal: this.stop.signal});
    this.seq = view.seq;
    this.view.value = view;
    if (first) {
      await first;
      await drawn(); // all others take a while, and would be in its way
    }
    await this.readFiles();
  }

  /** Reads the files as they come, a line each. @param {number} [from] the first index */
  async readFiles(from = 0) {
    this.reads += 1;
    try {
      await this.readLines(from);
    } finally {
      this.reads -= 1;
      for (const e of this.meanwhile) this.files.apply(e);
      if (this.reads === 0) this.meanwhile = [];
    }
  }

  /** @param {number} from */
  async readLines(from) {
    const answer = await send('GET', `${this.path}/files?from=${from}`, {
      headers: {Accept: 'application/x-ndjson'},
      signal: this.stop.signal,
    });
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    const decoder = new TextDecoder();
    let rest = '';
    let began = performance.now();
    for (;;) {
      const {done, value} = await received(reader.read(), this.stop.signal);
      rest += done ? decoder.decode() : decoder.decode(value, {stream: true});
      const lines = rest.split('\n');
      rest = done ? '' : /** @type {string} */ (lines.pop());
      // In slices, the first of them short: rows are drawn in between, and the page stays quick.
      for (let at = 0; at < lines.length; at += rowsAtOnce) {
        for (const line of lines.slice(at, at + rowsAtOnce)) if (line) this.files.set(JSON.parse(line));
        if (performance.now() - began < sliceMs && this.files.count > rowsAtOnce) continue;
        await new Promise(go => setTimeout(go));
        began = performance.now();
      }
      if (done) return;
    }
  }

  /** Answers may come in another order than the server gave them: an older one changes nothing. @param {BatchView} view */
  show(view) {
    if (view.seq >= (this.view.value?.seq ?? 0)) this.view.value = view;
  }

  async refresh() {
    this.show(await call('GET', this.path, {signal: this.stop.signal}));
  }

  /** An event of the feed. @param {FeedEvent} e */
  apply(e) {
    if (e.seq) {
      if (e.seq <= this.seq) return;
      this.seq = e.seq;
    }
    switch (e.type) {
      case 'batch_progress':
        if (this.view.value) {
          // without a forecast, the last one is no longer true
          const {eta_ms: _, eta_low_ms: _low, eta_high_ms: _high, ...shown} = this.view.value;
          this.view.value = {...shown, ...e.data, seq: shown.seq};
        }
        return;
      case 'queue_position':
        this.ahead.value = e.data.files_ahead;
        if (this.view.value) this.view.value = {...this.view.value, waiting_for: e.data.waiting_for ?? null};
        return;
      case 'batch_deleted':
        this.error.value = new ApiError(404, {code: 'not_found'});
        return;
      case 'files_added':
        this.readAddedSoon();
        this.refreshSoon();
        return;
      case 'batch_retried':
        this.readSoon();
        return;
    }
    if (e.file !== undefined) {
      this.files.apply(e);
      if (this.reads > 0) this.meanwhile.push(e);
    } else {
      this.pending.value = '';
      this.refreshSoon();
    }
  }

  /** A snapshot instead of events: more was missed than the server tells one by one. */
  readSoon() {
    this.soon('all', 200, () => this.read());
  }

  /** While many are uploaded: only those that are not known yet, and not at each of them. */
  readAddedSoon() {
    this.soon('added', 500, () => this.readFiles(this.files.count));
  }

  refreshSoon() {
    this.soon('state', 100, () => this.refresh());
  }

  /** Once, however many events ask for it meanwhile; until it succeeds, since no other event may ask. @param {string} name @param {number} ms @param {() => Promise<void>} work */
  soon(name, ms, work) {
    if (this.due.has(name)) return;
    this.due.add(name);
    setTimeout(async () => {
      await this.reading.get(name);
      this.due.delete(name);
      this.reading.set(name, persist(work, this.stop.signal).catch(() => {}));
    }, ms);
  }

  /** Says what was refused. @param {unknown} error */
  tell(error) {
    this.problem.value = errorText(error);
  }

  /**
   * Commands the batch. It settles with the event, or with what the server says against it.
   * @param {string} name @param {any} [json]
   */
  async command(name, json) {
    this.pending.value = name;
    this.problem.value = '';
    this.undo.value = null;
    try {
      const view = await call('POST', `${this.path}/${name}`, {json: json ?? {}});
      if (view?.state) this.show(view);
      if (name === 'retry') this.readSoon();
    } finally {
      this.pending.value = '';
      this.refreshSoon();
    }
  }

  /** @param {any} json */
  async change(json) {
    this.undo.value = null;
    this.show(await call('PATCH', this.path, {json}));
  }
}

/** Whether nothing happens any more. @param {BatchView} view */
export function hasEnded(view) {
  return ['completed', 'completed_with_errors', 'failed', 'cancelled'].includes(view.state);
}
