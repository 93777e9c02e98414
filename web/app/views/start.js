/** The empty state: one sentence and one target; below it what was done last. */
import {useEffect, useState} from '../../vendor/hooks.js';
import {read} from '../api.js';
import {nothingFound, readable, reading, take} from '../store/drop.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';
import {fromFiles} from '../upload/collect.js';
import {BatchRow} from './list.js';

/** The one that is open, so that it is not thrown away before something was picked. @type {HTMLInputElement | null} */
let picker = null;

/** @param {boolean} folder */
function pick(folder) {
  const input = (picker = document.createElement('input'));
  input.type = 'file';
  input.multiple = true;
  input.webkitdirectory = folder;
  input.onchange = () => {
    picker = null;
    if (input.files) take(fromFiles(input.files));
  };
  input.click();
}

export function Start() {
  const [recent, setRecent] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    const stop = new AbortController();
    read('/v1/batches?limit=5', stop.signal).then(a => setRecent(a.batches), () => {});
    return () => stop.abort();
  }, []);
  return html`<main class="empty">
    <section class="drop">
      <h1>${t('start.title')}</h1>
      <p>${t('start.lead', {formats: readable.value})}</p>
      ${reading.value === null
        ? html`<div class="row">
            <button class="go narrow" onClick=${() => pick(true)}>${t('start.folder')}</button>
            <button class="alt" onClick=${() => pick(false)}>${t('start.files')}</button>
          </div>
          <p class="note">${t('start.paste')}</p>`
        : html`<p role="status">${t('start.reading', {n: reading.value})}</p>`}
      ${nothingFound.value && html`<p class="problem" role="alert">${t('start.nothing', {formats: readable.value})}</p>`}
    </section>
    ${recent.length > 0 &&
    html`<section class="recent"><h2>${t('start.recent')}</h2><ul>${recent.map(b => html`<${BatchRow} batch=${b} key=${b.id} />`)}</ul></section>`}
  </main>`;
}
