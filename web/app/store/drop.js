/** What was dropped and is not a batch yet: counted and looked through before anything is sent. */
import {computed, signal} from '../../vendor/signals-core.js';
import {read} from '../api.js';
import {commonFolder, withOwnPaths} from '../upload/collect.js';
import {formatOf} from '../upload/recognise.js';

/** @typedef {import('../upload/collect.js').Found} Found */
/** @typedef {Found & {format: string}} Picture */
/** @typedef {{pictures: Picture[], left: string[], unreadable: string[], name: string}} Drop */

export const formats = signal(/** @type {import('../types').Formats | null} */ (null));
export const drop = signal(/** @type {Drop | null} */ (null));
/** How many files were found so far; null: nothing is being read. */
export const reading = signal(/** @type {number | null} */ (null));
export const nothingFound = signal(false);

export const readable = computed(() => (formats.value?.formats ?? []).map(f => f.label).join(', '));

export async function loadFormats() {
  formats.value ??= await read('/v1/formats');
}

/** Looks through what was collected. @param {import('../upload/collect.js').Collected} all */
export async function take(all) {
  await loadFormats();
  const known = /** @type {import('../types').Formats} */ (formats.value).formats;
  /** @type {Drop} */
  const out = {pictures: [], left: [], unreadable: [...all.unreadable], name: commonFolder(all.found)};
  const found = withOwnPaths(all.found.map(({path, file}) => ({path: path.normalize('NFC'), file})));
  const together = 16;
  for (let at = 0; at < found.length; at += together) {
    reading.value = at;
    await Promise.all(
      found.slice(at, at + together).map(async ({path, file}) => {
        try {
          const format = await formatOf(file, known);
          if (format) out.pictures.push({path, file, format});
          else out.left.push(path);
        } catch {
          out.unreadable.push(path);
        }
      }),
    );
  }
  out.pictures.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  reading.value = null;
  nothingFound.value = out.pictures.length === 0;
  drop.value = out.pictures.length > 0 ? out : null;
}

export function discard() {
  drop.value = null;
  nothingFound.value = false;
}
