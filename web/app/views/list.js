/** The user's batches. */
import {useEffect, useRef, useState} from '../../vendor/hooks.js';
import {call, errorText, read} from '../api.js';
import {ago, size} from '../format.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';
import {Picture} from '../ui/picture.js';

/** @param {{batch: any}} props */
export function BatchRow({batch}) {
  const saved = batch.bytes_in - batch.bytes_out;
  const facts = [t('list.pictures', {n: batch.files.total})];
  if (batch.files.failed > 0) facts.push(t('list.failed', {n: batch.files.failed}));
  else if (saved > 0) facts.push(t('list.saved', {size: size(saved)}));
  return html`<li>
    <a class="batch" href=${`#/b/${batch.id}`}>
      <span class="strip" aria-hidden="true">${[0, 1, 2].filter(i => i < batch.files.total).map(i =>
        html`<${Picture} path=${`/v1/batches/${batch.id}/files/${i}/thumbnail?w=64`} key=${i} />`)}</span>
      <span class="about"><b>${batch.name || t('list.unnamed')}</b><span class="note">${facts.join(', ')}</span></span>
      <span class="end"><span>${t(`state.${batch.state}`)}</span><span class="note">${ago(batch.created_at)}</span></span>
    </a>
  </li>`;
}

const page = 50;
const batchStates = ['draft', 'running', 'paused', 'completed', 'completed_with_errors', 'failed', 'cancelled'];

export function List() {
  const [rows, setRows] = useState(/** @type {any[]} */ ([]));
  const [text, setText] = useState('');
  const [state, setState] = useState('');
  const [since, setSince] = useState('');
  const [next, setNext] = useState('');
  const [usage, setUsage] = useState(/** @type {any} */ (null));
  const [known, setKnown] = useState(false);
  const [problem, setProblem] = useState('');
  const asking = useRef(new AbortController());

  const load = async (/** @type {string} */ cursor, /** @type {AbortSignal} */ signal) => {
    const query = new URLSearchParams({limit: String(page)});
    if (cursor) query.set('cursor', cursor);
    if (text) query.set('q', text);
    if (state) query.set('state', state);
    if (since) query.set('created_after', since);
    setProblem('');
    const {batches, next_cursor: after} = await read(`/v1/batches?${query}`, signal).catch(error => {
      if (!signal.aborted) setProblem(errorText(error));
      throw error;
    });
    setRows(was => (cursor ? [...was, ...batches] : batches));
    setNext(after ?? '');
    setKnown(true);
  };
  useEffect(() => {
    // The newest wish only: an answer that is overtaken is given up.
    const stop = new AbortController();
    asking.current = stop;
    const timer = setTimeout(() => load('', stop.signal).catch(() => {}), text ? 150 : 0);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, state, since]);
  useEffect(() => {
    call('GET', '/v1/me/usage').then(setUsage, () => {});
  }, []);

  const more = () => {
    const {signal} = asking.current;
    setNext(''); // no second time meanwhile
    load(next, signal).catch(() => {
      if (!signal.aborted) setNext(next);
    });
  };
  const asked = text !== '' || state !== '' || since !== '';
  return html`<main class="list">
    <div class="tools"><h1>${t('list.title')}</h1><span class="grow"></span>
      <select class="field narrow" aria-label=${t('list.state')} value=${state} onChange=${(/** @type {any} */ e) => setState(e.target.value)}>
        <option value="">${t('list.all')}</option>
        ${batchStates.map(s => html`<option value=${s} key=${s}>${t(`state.${s}`)}</option>`)}
      </select>
      <input class="field narrow" type="date" aria-label=${t('list.since')} title=${t('list.since')} value=${since} onChange=${(/** @type {any} */ e) => setSince(e.target.value)} />
      <input class="find" type="search" placeholder=${t('list.find')} aria-label=${t('list.find')} value=${text}
        onInput=${(/** @type {any} */ e) => setText(e.target.value)} /></div>
    ${usage && html`<p class="note">${t('list.stored', {used: size(usage.stored_bytes), limit: size(usage.stored_bytes_max)})}</p>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${known && rows.length === 0 && html`<p class="nothing">${t(asked ? 'list.none' : 'list.empty')}</p>`}
    <ul>${rows.map(b => html`<${BatchRow} batch=${b} key=${b.id} />`)}</ul>
    ${next && html`<button class="alt" onClick=${more}>${t('list.more')}</button>`}
  </main>`;
}
