/** One picture with its outputs, side by side. */
import {useEffect, useState} from '../../vendor/hooks.js';
import {ApiError, download, errorText, read} from '../api.js';
import {saving, size} from '../format.js';
import {go} from '../route.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';
import {Picture} from '../ui/picture.js';

/** @param {{batch: import('../store/batch.js').Batch, i: number}} props */
export function FileView({batch, i}) {
  const [file, setFile] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState('');
  const version = batch.files.version.value;
  const tell = (/** @type {unknown} */ e) =>
    setProblem(e instanceof ApiError && e.status === 404 ? t('detail.gone') : errorText(e));
  const save = (/** @type {string} */ path) => {
    setProblem('');
    download(path).catch(e => setProblem(errorText(e)));
  };
  useEffect(() => {
    const stop = new AbortController();
    setProblem('');
    read(`${batch.path}/files/${i}`, stop.signal).then(setFile, e => stop.signal.aborted || tell(e));
    return () => stop.abort();
  }, [i, batch.files.state[i], version === 0]);
  const close = () => go(`#/b/${batch.id}`);
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ e) => {
      if (e.key === 'Escape') close();
      else if ((e.key === 'j' || e.key === 'ArrowRight') && i + 1 < batch.files.count) go(`#/b/${batch.id}/f/${i + 1}`);
      else if ((e.key === 'k' || e.key === 'ArrowLeft') && i > 0) go(`#/b/${batch.id}/f/${i - 1}`);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
  const said = problem && html`<p class="problem" role="alert">${problem}</p>`;
  if (!file || file.index !== i)
    return html`<main class="file">${said || html`<p class="note" role="status">${t('do.pending')}</p>`}
      <button class="alt" onClick=${close}>${t('do.close')}</button></main>`;
  const input = `${batch.path}/files/${i}/input`;
  const outputs = file.outputs ?? [];
  return html`<main class="file">
    <div class="tools"><button class="alt" onClick=${close}>${t('do.close')}</button><h1>${file.path}</h1><span class="grow"></span>
      ${i > 0 && html`<a class="alt" href=${`#/b/${batch.id}/f/${i - 1}`}>${t('detail.previous')}</a>`}
      ${i + 1 < batch.files.count && html`<a class="alt" href=${`#/b/${batch.id}/f/${i + 1}`}>${t('detail.next')}</a>`}</div>
    ${said}
    ${file.reason && html`<p class="problem" role="alert">${t(`reason.${file.reason}`)} ${file.detail ?? ''}</p>`}
    <div class="beside">
      <figure><${Picture} path=${`${batch.path}/files/${i}/thumbnail?w=1024`} alt=${t('detail.before')} />
        <figcaption><span>${t('detail.before')} <b>${size(file.bytes_in ?? file.bytes ?? 0)}</b> ${file.width ? `${file.width} × ${file.height}` : ''}</span>
          <button class="link" onClick=${() => save(input)}>${t('detail.original')}</button></figcaption></figure>
      ${outputs.map((/** @type {any} */ o, /** @type {number} */ n) => html`<figure key=${n}><${Picture} path=${`${batch.path}/files/${i}/outputs/${n}`} alt=${t('detail.after')} />
        <figcaption><span>${t('detail.after')} <b>${size(o.bytes)}</b> ${o.width} × ${o.height} <span class="save">${saving(file.bytes_in, o.bytes)}</span></span>
          <button class="link" onClick=${() => save(`${batch.path}/files/${i}/outputs/${n}`)}>${t('detail.download')}</button></figcaption></figure>`)}
    </div>
    ${file.state === 'completed' && (file.losses.length > 0
      ? html`<h2>${t('detail.losses')}</h2><ul class="names">${file.losses.map((/** @type {string} */ l) => html`<li key=${l}>${t(`loss.${l}`)}${file.detail ? `: ${file.detail}` : ''}</li>`)}</ul>`
      : html`<p class="note">${t('detail.nothing')}</p>`)}
  </main>`;
}
