/** What was dropped, before anything is sent: how much, what stays behind, and what is to be made of it. */
import {useEffect, useMemo, useState} from '../../vendor/hooks.js';
import {ApiError, call, errorText} from '../api.js';
import {number, size} from '../format.js';
import {go} from '../route.js';
import {upload} from '../store/current.js';
import {discard, drop, formats} from '../store/drop.js';
import {discardDraft, sample, showSample, takeDraft} from '../store/draft.js';
import {firstFormat} from '../store/spec.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';
import {LocalPicture} from '../ui/picture.js';
import {Virtual} from '../ui/virtual.js';
import {Uploader} from '../upload/uploader.js';
import {Panel, SpecControls} from './panel.js';
import {Name} from './print.js';
import {Sample} from './sample.js';

/** A line that names what stays behind, with the list on demand. @param {{text: string, names: string[]}} props */
function Left({text, names}) {
  const [open, setOpen] = useState(false);
  return html`<p class="note">${text} ${names.length > 3 &&
    html`<button class="link" aria-expanded=${open} onClick=${() => setOpen(!open)}>${t(open ? 'choose.hide' : 'choose.show')}</button>`}</p>
    ${open && html`<ul class="names">${names.map(n => html`<li>${n}</li>`)}</ul>`}`;
}

/**
 * Sends the pictures to the draft, and starts it when all are there.
 * @param {string} name @param {AbortSignal} signal when the drop is discarded before it is sent
 * @param {(why: string) => void} waits told what it waits for until then
 */
async function convert(name, signal, waits) {
  const all = drop.value;
  if (!all) return;
  const {id, requests} = await takeDraft(name, signal, waits);
  const uploader = new Uploader(id, all.pictures, requests);
  upload.value = uploader;
  go(`#/b/${id}`);
  discard();
  try {
    await uploader.run();
    if (uploader.stop.signal.aborted) return;
    await uploader.persist(() => call('POST', `/v1/batches/${id}/start`, {json: {}})).catch(error => {
      // It is no draft any more: it was started by a try whose answer was lost, or by somebody else.
      if (!(error instanceof ApiError && error.code === 'wrong_state')) throw error;
    });
    if (upload.value === uploader && uploader.rejected.value.size === 0) upload.value = null;
  } catch (error) {
    if (!uploader.stop.signal.aborted) uploader.waiting.value = errorText(error);
  }
}

export function Choose() {
  const all = /** @type {import('../store/drop.js').Drop} */ (drop.value);
  const [name, setName] = useState(all.name);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const stop = useMemo(() => new AbortController(), [all]);
  const bytes = all.pictures.reduce((sum, p) => sum + p.file.size, 0);
  const folders = new Set(all.pictures.map(p => p.path.slice(0, Math.max(0, p.path.lastIndexOf('/'))))).size;
  const few = (/** @type {string[]} */ names) => names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '');
  const label = formats.value?.formats.find(f => f.name === firstFormat.value)?.label ?? firstFormat.value;
  const start = () => {
    setBusy(true);
    setProblem('');
    convert(name, stop.signal, setProblem).catch(error => {
      setProblem(errorText(error));
      setBusy(false);
    });
  };
  const [format, setFormat] = useState('');
  const [text, setText] = useState('');
  const [large, setLarge] = useState(false);
  useEffect(() => {
    showSample(all.pictures[0], all.name, stop.signal);
    return () => {
      stop.abort();
      discardDraft(); // of one that was started, nothing is left to discard
    };
  }, [all]);
  const kinds = useMemo(() => {
    const counts = new Map();
    for (const p of all.pictures) counts.set(p.format, (counts.get(p.format) ?? 0) + 1);
    return [...counts];
  }, [all]);
  const shown = useMemo(() => {
    const part = text.toLocaleLowerCase();
    return all.pictures.filter(p => (!format || p.format === format) && p.path.toLocaleLowerCase().includes(part));
  }, [all, format, text]);
  const nameOf = (/** @type {string} */ f) => formats.value?.formats.find(row => row.name === f)?.label ?? f;
  const chips = [['', all.pictures.length], ...kinds].map(([f, n]) => html`<button class="chip" key=${f} aria-pressed=${format === f}
    onClick=${() => setFormat(f)}>${f ? nameOf(f) : t('choose.all')}<b>${number(n)}</b></button>`);
  const print = (/** @type {number} */ i) => {
    const p = shown[i];
    const isSample = sample.value?.picture === p;
    return html`<div class=${`print${isSample ? ' active' : ''}`} role="listitem" key=${p.path}>
      <button class="pick" aria-pressed=${isSample} aria-label=${t('choose.sample', {name: p.path})} onClick=${() => showSample(p, name, stop.signal)}><figure><${LocalPicture} file=${p.file} /></figure>
        <${Name} path=${p.path} /></button>
      <p>${size(p.file.size)}</p></div>`;
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
      ${large && html`<${Sample} large=${large} setLarge=${setLarge} />`}
      <div class="tools">${kinds.length > 1 && chips}
        <input type="search" class="find" placeholder=${t('watch.find')} aria-label=${t('watch.find')} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} /></div>
      ${shown.length === 0 && html`<p class="nothing">${t('watch.none')}</p>`}
      <${Virtual} count=${shown.length} rowHeight=${172} columnWidth=${158} gap=${16} render=${print} label=${t('choose.pictures', {n: shown.length})} />
    </section>
    <${Panel} foot=${foot}>
      ${!large && html`<${Sample} large=${large} setLarge=${setLarge} />`}
      <${SpecControls} />
      <label class="f"><span class="l">${t('choose.name')}</span>
        <input class="field" value=${name} onInput=${(/** @type {any} */ e) => setName(e.target.value)} /></label>
    </${Panel}>
  </main>`;
}
