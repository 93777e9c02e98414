/**
 * What an output would be, kept up to date while its controls move: the newest wish is asked for at once, what
 * comes of older ones is dropped (the server stops making them), and what was shown smaller, or a part of, is asked
 * for whole when nothing has moved for a while, so that its bytes are exact.
 */
import {signal} from '../../vendor/signals-core.js';

/**
 * @typedef {{output: any, width?: number, crop?: {x: number, y: number, width: number, height: number}}} Wish
 * @typedef {{picture: Blob, losses: string[], width: number, height: number, bytes: number | null,
 *   estimate: number | null, ms: number}} Preview `width`, `height`: of the whole output; `bytes` are exact
 */

const quietMs = 400;

/** What the server's answer says. @param {Response} answer @returns {Promise<Preview>} */
export async function read(answer) {
  const header = (/** @type {string} */ name) => answer.headers.get(`Darkroom-${name}`);
  const count = (/** @type {string} */ name) => (header(name) === null ? null : Number(header(name)));
  const [width, height] = (header('Output-Size') ?? '0x0').split('x').map(Number);
  return {
    picture: await answer.blob(),
    losses: (header('Losses') ?? '').split(', ').filter(Boolean),
    width,
    height,
    bytes: count('Output-Bytes'),
    estimate: count('Estimated-Bytes'),
    ms: count('Ms') ?? 0,
  };
}

export class Previewer {
  /**
   * @param {(wish: Wish) => Promise<Preview>} ask @param {(error: unknown) => string} explain an error, in words
   * @param {{setTimeout: (work: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} clock
   */
  constructor(ask, explain, clock = {setTimeout: (work, ms) => setTimeout(work, ms), clearTimeout: timer => clearTimeout(timer)}) {
    this.ask = ask;
    this.clock = clock;
    this.explain = explain;
    this.shown = signal(/** @type {Preview | null} */ (null));
    this.problem = signal('');
    this.busy = signal(false);
    this.newest = 0;
    /** @type {any} */
    this.timer = null;
  }

  /** @param {Wish} wish @returns {Promise<void>} when it is shown, has failed, or a newer one has come */
  async show(wish) {
    const own = this.#begin();
    const preview = await this.#result(own, wish);
    if (!preview) return;
    this.shown.value = preview;
    if (preview.bytes === null) this.timer = this.clock.setTimeout(() => this.#measure(own, wish), quietMs);
  }

  /** Nothing is wanted any more. */
  stop() {
    this.#begin();
    this.busy.value = false;
  }

  #begin() {
    this.clock.clearTimeout(this.timer);
    this.newest += 1;
    this.busy.value = true;
    return this.newest;
  }

  /** @param {number} own @param {Wish} wish @returns {Promise<Preview | null>} */
  async #result(own, wish) {
    try {
      const preview = await this.ask(wish);
      if (own !== this.newest) return null;
      this.problem.value = '';
      this.busy.value = false;
      return preview;
    } catch (error) {
      if (own !== this.newest) return null;
      this.problem.value = this.explain(error);
      this.busy.value = false;
      return null;
    }
  }

  /** Keeps the picture that is shown, with the bytes of the whole. @param {number} own @param {Wish} wish */
  async #measure(own, wish) {
    const whole = await this.ask({...wish, width: undefined, crop: undefined}).catch(() => null); // the estimate stays
    if (whole && own === this.newest && this.shown.value) this.shown.value = {...whole, picture: this.shown.value.picture, ms: this.shown.value.ms};
  }
}
