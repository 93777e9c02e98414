/**
 * Sends the pictures of a drop to a batch. The manifest goes first, so that only what the server does not have is
 * sent; four files at a time; what fails for a while is tried again, also after a restart of the server.
 */
import {signal} from '../../vendor/signals-core.js';
import {call, errorText, persist} from '../api.js';
import {t} from '../text.js';
import {base64, digestOf, hex} from './hasher.js';

/** @typedef {import('../store/drop.js').Picture} Picture */

const manifestRows = 500;
const uploadsAtOnce = 4;

export class Uploader {
  /**
   * @param {string} batch its id @param {Picture[]} pictures
   * @param {Map<string, Promise<unknown>>} [requests] that send some of them already, by address
   */
  constructor(batch, pictures, requests = new Map()) {
    this.batch = batch;
    this.requests = requests;
    this.pictures = pictures;
    this.total = pictures.length;
    this.bytesTotal = pictures.reduce((sum, p) => sum + p.file.size, 0);
    this.progress = signal({done: 0, bytes: 0});
    /** @type {import('../../vendor/signals-core.js').Signal<Map<string, string>>} why the server took some not */
    this.rejected = signal(new Map());
    /** What it waits for, in words. */
    this.waiting = signal('');
    this.stop = new AbortController();
    /** @type {Map<string, Uint8Array>} */
    this.digests = new Map();
  }

  /** All of it; ends when everything is there or was refused. */
  async run() {
    for (let at = 0; at < this.pictures.length && !this.stop.signal.aborted; at += manifestRows) {
      const part = this.pictures.slice(at, at + manifestRows);
      const missing = await this.announce(part);
      await this.sendAll(missing);
      for (const {path} of part) this.digests.delete(path);
    }
  }

  cancel() {
    this.stop.abort();
  }

  /** Which of them the server does not have. @param {Picture[]} part @returns {Promise<Picture[]>} */
  async announce(part) {
    /** @type {{path: string, size: number, sha256: string}[]} */
    const rows = [];
    for (const {path, file} of part) {
      try {
        const digest = await digestOf(file);
        this.digests.set(path, digest);
        rows.push({path, size: file.size, sha256: hex(digest)});
      } catch {
        this.reject(path, t('file.unreadable'));
      }
    }
    if (rows.length === 0) return [];
    const answer = await this.persist(() =>
      call('POST', `/v1/batches/${this.batch}/manifest`, {json: rows, signal: this.stop.signal}),
    );
    for (const refused of answer.rejected) this.reject(refused.path, refused.detail ?? refused.title);
    const missing = new Set(answer.missing);
    for (const p of part) if (!missing.has(p.path) && this.digests.has(p.path)) this.count(p);
    return part.filter(p => missing.has(p.path));
  }

  /** @param {Picture[]} pictures */
  async sendAll(pictures) {
    let next = 0;
    const one = async () => {
      while (next < pictures.length && !this.stop.signal.aborted) await this.sendOne(pictures[next++]);
    };
    await Promise.all(Array.from({length: uploadsAtOnce}, one));
  }

  /** @param {Picture} picture */
  async sendOne(picture) {
    const address = `/v1/batches/${this.batch}/files/${picture.path.split('/').map(encodeURIComponent).join('/')}`;
    const digest = this.digests.get(picture.path);
    /** @type {Record<string, string>} */
    const headers = digest ? {'Repr-Digest': `sha-256=:${base64(digest)}:`} : {};
    // The server would refuse a second request for it meanwhile.
    const isThere = await this.requests.get(address)?.then(() => true, () => false);
    if (isThere) return this.count(picture);
    try {
      await this.persist(() =>
        call('PUT', address, {body: picture.file, headers, signal: this.stop.signal}),
      );
      this.count(picture);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.reject(picture.path, errorText(error));
    }
  }

  /** Tries until it succeeds, or is refused for good. @template T @param {() => Promise<T>} work */
  persist(work) {
    return persist(work, this.stop.signal, why => (this.waiting.value = why));
  }

  /** @param {Picture} picture */
  count({file}) {
    const {done, bytes} = this.progress.value;
    this.progress.value = {done: done + 1, bytes: bytes + file.size};
  }

  /** @param {string} path @param {string} why */
  reject(path, why) {
    this.rejected.value = new Map(this.rejected.value).set(path, why);
    const {done, bytes} = this.progress.value;
    this.progress.value = {done: done + 1, bytes};
  }
}
