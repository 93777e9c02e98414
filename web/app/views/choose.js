/** What was dropped, before anything is sent: how much, what stays behind, and what is to be made of it. */
import {useState} from '../../vendor/hooks.js';
import {ApiError, call} from '../api.js';
import {size} from '../format.js';
import {go} from '../route.js';
import {upload} from '../store/current.js';
import {discard, drop, formats} from '../store/drop.js';
import {choice, firstFormat, specOf} from '../store/spec.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';
import {LocalPicture} from '../ui/picture.js';
import {Virtual} from '../ui/virtual.js';
import {Uploader} from '../upload/uploader.js';
import {Panel, SpecControls} from './panel.js';
import {Name} from './print.js';

/** A line that names what stays behind, with the list on demand. @param {{text: string, names: string[]}} props */
function Left({text, names}) {
  const [open, setOpen] = useState(false);
  return html`<p class="note">${text} ${names.length > 3 &&
    html`<button class="link" aria-expanded=${open} onClick=${() => setOpen(!open)}>${t(open ? 'choose.hide' : 'choose.show')}</button>`}</p>
    ${open && html`<ul class="names">${names.map(n => html`<li>${n}</li>`)}</ul>`}`;
}

/** Makes the batch, sends the pictures, and starts it when all are there. @param {string} name */
async function convert(name) {
  const all = drop.value;
  if (!all) return;
  const spec = specOf(choice.value, formats.value);
  const batch = await call('POST', '/v1/batches', {json: {name, spec}, headers: {'Idempotency-Key': crypto.getRandomValues(new Uint32Array(4)).join('-')}});
  const uploader = new Uploader(batch.id, all.pictures);
  upload.value = uploader;
  go(`#/b/${batch.id}`);
  discard();
  try {
    await uploader.run();
    if (uploader.stop.signal.aborted) return;
    await uploader.persist(() => call('POST', `/v1/batches/${batch.id}/start`, {json: {}}));
    if (upload.value === uploader && uploader.rejected.value.size === 0) upload.value = null;
  } catch (error) {
    if (!uploader.stop.signal.aborted) uploader.waiting.value = error instanceof ApiError ? error.text : String(error);
  }
}

export function Choose() {
  const all = /** @type {import('../store/drop.js').Drop} */ (drop.value);
  const [name, setName] = useState(all.name);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const bytes = all.pictures.reduce((sum, p) => sum + p.file.size, 0);
  const folders = new Set(all.pictures.map(p => p.path.slice(0, Math.max(0, p.path.lastIndexOf('/'))))).size;
  const few = (/** @type {string[]} */ names) => names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '');
  const label = formats.value?.formats.find((/** @type {any} */ f) => f.name === firstFormat.value)?.label ?? firstFormat.value;
  const start = () => {
    setBusy(true);
    setProblem('');
    convert(name).catch(error => {
      setProblem(error instanceof ApiError ? error.text : String(error));
      setBusy(false);
    });
  };
  const print = (/** @type {number} */ i) => {
    const p = all.pictures[i];
    return html`<div class="print" role="listitem" key=${p.path}><figure><${LocalPicture} file=${p.file} /></figure>
      <${Name} path=${p.path} /><p>${size(p.file.size)}</p></div>`;
  };
  const foot = html`${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <button class="go" disabled=${busy} onClick=${start}>${busy ? t('do.pending') : t('choose.convert', {n: all.pictures.length, format: label})}</button>
    <button class="quiet" onClick=${discard}>${t('choose.discard')}</button>`;
  return html`<main class="two">
    <section class="sheet">
      <h1>${t('choose.pictures', {n: all.pictures.length})}</h1>
      <p class="note">${folders > 1 ? t('choose.about', {size: size(bytes), folders}) : t('choose.about.flat', {size: size(bytes)})}</p>
      ${all.left.length > 0 && html`<${Left} text=${t('choose.left', {n: all.left.length, names: few(all.left)})} names=${all.left} />`}
      ${all.unreadable.length > 0 && html`<${Left} text=${t('choose.unreadable', {n: all.unreadable.length, names: few(all.unreadable)})} names=${all.unreadable} />`}
      <${Virtual} count=${all.pictures.length} rowHeight=${172} columnWidth=${158} gap=${16} render=${print} label=${t('choose.pictures', {n: all.pictures.length})} />
    </section>
    <${Panel} foot=${foot}>
      <label class="f"><span class="l">${t('choose.name')}</span>
        <input class="field" value=${name} onInput=${(/** @type {any} */ e) => setName(e.target.value)} /></label>
      <${SpecControls} />
    </${Panel}>
  </main>`;
}
