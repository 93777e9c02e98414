/** The batch: what was done, what is being done, and what can be done about it. */
import {useEffect, useMemo, useRef, useState} from '../../vendor/hooks.js';
import {call, download, errorText} from '../api.js';
import {duration, number, percent, saving, shortName, size} from '../format.js';
import {upload} from '../store/current.js';
import {hasEnded} from '../store/batch.js';
import {choice, choiceOf, choose, specOf} from '../store/spec.js';
import {formats, loadFormats} from '../store/drop.js';
import {language, t} from '../text.js';
import {TextField} from '../ui/field.js';
import {html} from '../ui/html.js';
import {Virtual} from '../ui/virtual.js';
import {Panel, SpecControls} from './panel.js';
import {Print, Row} from './print.js';

/** @typedef {import('../store/batch.js').Batch} Batch */
/** @typedef {import('../types').BatchView} BatchView */

/** One figure when it is known well, else from when to when. @param {BatchView} view */
function timeLeft({eta_ms = 0, eta_low_ms = 0, eta_high_ms = 0}) {
  if (eta_high_ms < 2 * eta_low_ms) return t('watch.about', {time: duration(eta_ms)});
  return t('watch.between', {low: duration(eta_low_ms), high: duration(eta_high_ms)});
}

/** The line above: done of total, speed, time left, bytes saved. @param {{batch: Batch, view: BatchView}} props */
function Sum({batch, view}) {
  const sending = upload.value?.batch === batch.id ? upload.value : null;
  const progress = sending?.progress.value;
  const ended = hasEnded(view);
  const files = view.files;
  const finished = files.completed + files.failed + files.cancelled;
  /** @type {[string, string][]} */
  const facts = [];
  if (ended) {
    facts.push([t('watch.before'), size(view.bytes_in)], [t('watch.after'), size(view.bytes_out)]);
    if (view.bytes_in > 0) facts.push([t('watch.saved'), saving(view.bytes_in, view.bytes_out)]);
  } else {
    if (view.megapixels_per_s > 0) facts.push([t('watch.speed'), t('watch.megapixels', {n: number(view.megapixels_per_s, {maximumSignificantDigits: 3})})]);
    if (view.eta_ms) facts.push([t('watch.left'), timeLeft(view)]);
    if (view.bytes_in > view.bytes_out) facts.push([t('watch.saved'), size(view.bytes_in - view.bytes_out)]);
  }
  const isSending = sending && progress && progress.done < sending.total;
  const share = (/** @type {number} */ n) => ({width: `${files.total > 0 ? (100 * n) / files.total : 0}%`});
  const [count, words] = isSending
    ? [progress.done, t('watch.sent', {n: sending.total})]
    : [ended ? files.completed : finished, t(ended ? 'watch.converted' : 'watch.done', {n: files.total})];
  if (isSending) facts.splice(0, facts.length, [t('watch.toSend'), size(sending.bytesTotal - progress.bytes)]);
  return html`<div class="sum">
      <span class="n">${number(count)} <small>${words}</small></span>
      <span class="state">${t(`state.${view.state}`)}</span>
      <span class="grow"></span>
      <dl>${facts.map(([k, v]) => html`<div key=${k}><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>
    </div>
    <div class="meter" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(view.percent)}
      aria-label=${t('watch.announce', {done: finished, n: files.total})}>
      ${isSending && html`<i class="m-sent" style=${{width: `${(100 * progress.done) / sending.total}%`}}></i>`}
      <i class="m-done" style=${share(isSending ? 0 : files.completed)}></i><i class="m-run" style=${share(files.running)}></i><i class="m-bad" style=${share(files.failed)}></i>
    </div>
    ${sending?.waiting.value && html`<p class="problem" role="alert">${sending.waiting.value}</p>`}
    ${sending && sending.rejected.value.size > 0 && html`<ul class="names">${[...sending.rejected.value].map(([path, why]) =>
      html`<li key=${path}>${path}: <span class="problem">${t('file.refused', {why})}</span></li>`)}</ul>`}`;
}

/** Says how far it is, but not each file: at every tenth, and at the end. @param {{view: BatchView}} props */
function Announcer({view}) {
  const files = view.files;
  const done = files.completed + files.failed + files.cancelled;
  const step = hasEnded(view) ? 11 : Math.floor((10 * done) / Math.max(1, files.total));
  const counted = view.state !== 'draft'; // before, files are still added
  const text = useMemo(() => (counted ? t('watch.announce', {done, n: files.total}) : ''), [step, counted, language.value]);
  return html`<p class="only-read" aria-live="polite">${text}</p>`;
}

/** What is being converted now, and where; one line, whatever happens. @param {{batch: Batch, view: BatchView}} props */
function Now({batch, view}) {
  batch.files.version.value; // this view is drawn again when the files change
  const running = [...batch.files.running].slice(0, 3);
  if (view.waiting_for)
    return html`<p class="note now" role="status">${t(`wait.${view.waiting_for}`)} ${view.waiting_for === 'turn' && batch.ahead.value > 0 ? t('watch.ahead', {n: batch.ahead.value}) : ''}</p>`;
  if (running.length === 0) return hasEnded(view) ? null : html`<p class="note now"></p>`;
  const more = batch.files.running.size - running.length;
  return html`<p class="note now"><span>${t('watch.now')}</span> ${running.map(([i, at]) => html`<span key=${i}>${shortName(batch.files.paths[i].slice(batch.files.paths[i].lastIndexOf('/') + 1))}
    ${at.node && at.node !== 'local' ? t('watch.on', {node: at.node}) : ''} ${percent(at.percent / 100)}</span>`)}${more > 0 ? t('watch.more', {n: more}) : ''}</p>`;
}

/**
 * The commands that the state allows.
 * @param {{batch: Batch, view: BatchView, selected: Set<number>, shown: number[], narrowed: boolean, clear: () => void}} props
 */
function Commands({batch, view, selected, shown, narrowed, clear}) {
  const problem = batch.problem.value;
  const [sure, setSure] = useState('');
  const pending = batch.pending.value;
  const allowed = new Set(view.allowed ?? []);
  const files = view.files;
  const again = narrowed && allowed.has('retry') ? batch.files.retryable(shown) : [];
  const tell = (/** @type {unknown} */ e) => batch.tell(e);
  const act = (/** @type {string} */ name, /** @type {any} */ json) => {
    setSure('');
    batch.command(name, json).catch(tell);
  };
  const save = (/** @type {string} */ path) => {
    batch.problem.value = '';
    download(path).catch(tell);
  };
  const remove = () => {
    batch.pending.value = 'delete';
    batch.problem.value = '';
    call('DELETE', `${batch.path}?cancel=true`).then(
      () => (location.hash = '#/batches'),
      e => {
        batch.pending.value = '';
        tell(e);
      },
    );
  };
  // What was cancelled can be taken up again, so nothing is asked before.
  const cancel = () => {
    if (upload.value?.batch === batch.id) upload.value.cancel();
    batch.command('cancel', {}).then(() => {
      batch.undo.value = {text: t('do.cancelled'), run: () => batch.command('retry', {scope: 'cancelled'})};
    }, tell);
  };
  const retry = (/** @type {any} */ json) => {
    act('retry', json);
    clear();
  };
  const primary = view.state === 'paused' ? 'resume' : allowed.has('pause') && !hasEnded(view) && view.state !== 'draft' ? 'pause' : '';
  const button = (/** @type {string} */ name, /** @type {string} */ look, /** @type {any} */ json) =>
    html`<button class=${look} disabled=${pending !== ''} onClick=${() => act(name, json)}>${pending === name ? t('do.pending') : t(`do.${name}`)}</button>`;
  const undo = batch.undo.value;
  return html`
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${undo && html`<p class="note" role="status">${undo.text} <button class="link" onClick=${() => undo.run().catch(tell)}>${t('do.undo')}</button></p>`}
    ${hasEnded(view) && files.completed > 0 && html`<button class="go" onClick=${() => save(`${batch.path}/results.zip`)}>${t('do.download', {size: size(view.bytes_out)})}</button>`}
    ${primary === 'resume' && button('resume', 'go', {})}
    ${primary === 'pause' && html`${button('pause', 'alt', {mode: 'drain'})}
      <button class="quiet" title=${t('do.pause.hint')} disabled=${pending !== ''} onClick=${() => act('pause', {mode: 'interrupt'})}>${t('do.pause.now')}</button>`}
    ${view.state === 'draft' && files.total > 0 && !upload.value && button('start', 'go', {})}
    <div class="row">
      ${!hasEnded(view) && allowed.has('cancel') && html`<button class="alt" disabled=${pending !== ''} onClick=${cancel}>${t('do.cancel')}</button>`}
      ${files.failed > 0 && allowed.has('retry') && html`<button class="alt" disabled=${pending !== ''} onClick=${() => retry({scope: 'failed'})}>${t('do.retry', {n: files.failed})}</button>`}
      ${files.cancelled > 0 && allowed.has('retry') && html`<button class="alt" disabled=${pending !== ''} onClick=${() => retry({scope: 'cancelled'})}>${t('do.retry.cancelled', {n: files.cancelled})}</button>`}
      ${again.length > 0 && html`<button class="alt" disabled=${pending !== ''} onClick=${() => retry({scope: 'files', files: again})}>${t('do.retry.shown', {n: again.length})}</button>`}
      ${selected.size > 0 && allowed.has('retry') && html`<button class="alt" disabled=${pending !== ''} onClick=${() => retry({scope: 'files', files: [...selected]})}>${t('do.retry.selected', {n: selected.size})}</button>`}
      ${files.completed > 0 && html`<button class="alt" onClick=${() => save(`${batch.path}/report.csv`)}>${t('do.report')}</button>`}
      ${allowed.has('delete') && html`<button class="alt" onClick=${() => setSure('delete')}>${t('do.delete')}</button>`}
    </div>
    ${sure === 'delete' && html`<div class="sure" role="alertdialog" aria-label=${t('do.delete')}><p>${t('do.delete.sure')}</p>
      <div class="row"><button class="alt bad" onClick=${remove}>${t('do.delete.yes')}</button><button class="alt" onClick=${() => setSure('')}>${t('do.delete.no')}</button></div></div>`}`;
}

/** While paused, what is to be made of the rest can be changed. @param {{batch: Batch, view: BatchView}} props */
function ChangeSpec({batch, view}) {
  const [problem, setProblem] = useState('');
  useEffect(() => {
    loadFormats().then(() => choose(choiceOf(view.spec, formats.value)), () => {});
  }, [view.state]);
  const apply = () => {
    setProblem('');
    const before = view.spec;
    batch.change({spec: specOf(choice.value, formats.value, before)}).then(() => {
      batch.undo.value = {text: t('spec.changed'), run: () => batch.change({spec: before})};
    }, e => setProblem(errorText(e)));
  };
  return html`<${SpecControls} />
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <button class="alt" onClick=${apply}>${t('spec.apply')}</button>`;
}

/** What was chosen, for a batch that runs or has ended. @param {{view: BatchView}} props */
function SpecFacts({view}) {
  const c = choiceOf(view.spec);
  return html`<dl class="facts">
    ${c.outputs.map((o, i) => html`<div key=${i}><dt>${t(i === 0 ? 'spec.format' : 'spec.also')}</dt><dd>${o.format.toUpperCase()}${o.lossless ? `, ${t('spec.lossless')}` : ` ${o.quality}`} ${o.suffix}</dd></div>`)}
    <div><dt>${t('spec.side')}</dt><dd>${c.side ? t('spec.pixels', {n: String(c.side)}) : t('spec.side.none')}</dd></div>
    <div><dt>${t('spec.metadata')}</dt><dd>${t(`spec.metadata.${c.metadata}`)}</dd></div>
  </dl>`;
}

/** Name, tags and priority, which can be changed at any time. @param {{batch: Batch, view: BatchView}} props */
function Details({batch, view}) {
  const [problem, setProblem] = useState('');
  const change = (/** @type {any} */ json) => {
    setProblem('');
    return batch.change(json).catch(e => {
      setProblem(errorText(e));
      throw e;
    });
  };
  const tagsOf = (/** @type {string} */ text) => [...new Set(text.split(',').map(tag => tag.trim()).filter(Boolean))];
  return html`<details><summary>${t('details.title')}</summary>
    <${TextField} label=${t('choose.name')} value=${view.name} save=${(/** @type {string} */ name) => change({name})} />
    <${TextField} label=${t('details.tags')} value=${(view.tags ?? []).join(', ')} save=${(/** @type {string} */ tags) => change({tags: tagsOf(tags)})} />
    ${!hasEnded(view) && html`<label class="f"><span class="l">${t('details.priority')}</span>
      <select class="field" value=${view.priority} onChange=${(/** @type {any} */ e) => change({priority: Number(e.target.value)}).catch(() => {})}>
        ${Array.from({length: 10}, (_, n) => html`<option value=${n} key=${n}>${n === 0 ? t('details.priority.0') : n === 9 ? t('details.priority.9') : n}</option>`)}
      </select></label>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
  </details>`;
}

/** Always there, so that nothing moves when the first file fails. @param {{label: string, kinds: [string, number][], words: string, value: string, choose: (value: string) => void}} props */
function KindFilter({label, kinds, words, value, choose}) {
  return html`<select class="field kind" aria-label=${label} disabled=${kinds.length === 0 && value === ''} value=${value} onChange=${(/** @type {any} */ e) => choose(e.target.value)}>
    <option value="">${label}</option>
    ${kinds.map(([name, n]) => html`<option value=${name} key=${name}>${t(`${words}.${name}`)} (${number(n)})</option>`)}
  </select>`;
}

/** @param {{batch: Batch}} props */
export function Watch({batch}) {
  const view = batch.view.value;
  const version = batch.files.version.value;
  const [filter, setFilter] = useState('');
  const [text, setText] = useState('');
  const [reason, setReason] = useState('');
  const [loss, setLoss] = useState('');
  const [table, setTable] = useState(localStorage.getItem('view') === 'table');
  const [selected, setSelected] = useState(/** @type {Set<number>} */ (new Set()));
  const [active, setActive] = useState(-1);
  const rare = useRef(/** @type {Set<string>} */ (new Set()));
  const counts = useMemo(() => batch.files.counts(), [version]);
  const ended = view !== null && hasEnded(view);
  const kinds = useMemo(() => batch.files.kinds(), [version]);
  const narrowed = filter !== '' || text !== '' || reason !== '' || loss !== '';
  const shown = useMemo(() => batch.files.select({state: filter, text, reason, loss, failedFirst: ended}), [version, filter, text, reason, loss, ended]);

  const show = (/** @type {boolean} */ asTable) => {
    setTable(asTable);
    localStorage.setItem('view', asTable ? 'table' : 'sheet');
  };
  const select = (/** @type {number} */ i) => {
    const next = new Set(selected);
    if (!next.delete(i)) next.add(i);
    setSelected(next);
  };
  const tell = (/** @type {unknown} */ e) => batch.tell(e);
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ e) => {
      if (/** @type {Element} */ (e.target).closest('input, select, textarea') || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === '/') {
        e.preventDefault();
        /** @type {HTMLElement | null} */ (document.querySelector('.find'))?.focus();
      } else if (e.key === 'j') setActive(Math.min(shown.length - 1, active + 1));
      else if (e.key === 'k') setActive(Math.max(0, active - 1));
      else if (e.key === 'x' && active >= 0) select(shown[active]);
      else if (e.key === ' ' && active >= 0 && e.target === document.body) {
        e.preventDefault();
        location.hash = `#/b/${batch.id}/f/${shown[active]}`;
      } else if (e.key === 't') show(!table);
      else if (e.key === 'r' && view && view.files.failed > 0) batch.command('retry', {scope: 'failed'}).catch(tell);
      else if (e.key === 'p' && view?.state === 'running') batch.command('pause', {mode: 'drain'}).catch(tell);
      else if (e.key === 'p' && view?.state === 'paused') batch.command('resume', {}).catch(tell);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
  useEffect(() => {
    if (view) document.title = `${hasEnded(view) ? '' : `${percent(view.percent / 100)} `}${view.name || 'Darkroom'}`;
    return () => {
      document.title = 'Darkroom';
    };
  }, [view?.percent, view?.state, view?.name]);
  if (!view) return html`<main class="sheet"><p class="note" role="status">${t('do.pending')}</p></main>`;

  // Each has its place and the width of its greatest count, so that none moves while counts change. What seldom
  // happens comes last, from its first time on.
  const digits = number(Math.max(batch.files.count, view.files.total)).length;
  for (const s of /** @type {const} */ (['retry_wait', 'cancelled'])) if (counts[s] > 0) rare.current.add(s);
  const chips = ['', 'queued', 'running', 'completed', 'failed', ...rare.current]
    .map(s => html`<button class="chip" key=${s} aria-pressed=${filter === s} onClick=${() => setFilter(s)}>${t(`file.${s || 'all'}`)}<b style=${{minWidth: `${digits}ch`}}>${number(s ? counts[/** @type {import('../store/files.js').State} */ (s)] : batch.files.count)}</b></button>`);
  const item = (/** @type {number} */ at) => {
    const i = shown[at];
    return html`<${table ? Row : Print} batch=${batch} i=${i} key=${i} selected=${selected.has(i)} active=${active === at} onSelect=${select} />`;
  };
  return html`<main class="two">
    <section class="sheet">
      <h1 class="only-read">${view.name || t('list.unnamed')}</h1>
      <${Sum} batch=${batch} view=${view} />
      <${Announcer} view=${view} />
      <${Now} batch=${batch} view=${view} />
      <div class="tools"><div class="chips" role="group" aria-label=${t('watch.state')}>${chips}</div>
        <${KindFilter} label=${t('watch.reasons')} kinds=${kinds.reasons} words="reason" value=${reason} choose=${setReason} />
        <${KindFilter} label=${t('watch.losses')} kinds=${kinds.losses} words="loss" value=${loss} choose=${setLoss} />
        <input class="find" type="search" placeholder=${t('watch.find')} aria-label=${t('watch.find')} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} />
        <span class="seg"><button aria-pressed=${!table} onClick=${() => show(false)}>${t('watch.sheet')}</button><button aria-pressed=${table} onClick=${() => show(true)}>${t('watch.table')}</button></span>
      </div>
      ${table && html`<div class="line head" aria-hidden="true"><span></span><span>${t('watch.file')}</span><span>${t('watch.state')}</span><span class="num">${t('watch.before')}</span><span class="num">${t('watch.after')}</span><span class="num">${t('watch.saved')}</span><span>${t('watch.losses')}</span><span class="num">${t('watch.time')}</span></div>`}
      ${shown.length === 0 && batch.files.count > 0 && html`<p class="nothing">${t('watch.none')} <button class="link" onClick=${() => {
        setFilter('');
        setText('');
        setReason('');
        setLoss('');
      }}>${t('watch.clear')}</button></p>`}
      <${Virtual} count=${shown.length} rowHeight=${table ? 40 : 184} columnWidth=${table ? 0 : 158} gap=${table ? 0 : 16} render=${item} show=${active} label=${view.name || t('list.unnamed')} />
    </section>
    <${Panel} foot=${html`<${Commands} batch=${batch} view=${view} selected=${selected} shown=${shown} narrowed=${narrowed} clear=${() => setSelected(new Set())} />`}>
      ${view.state === 'paused' ? html`<${ChangeSpec} batch=${batch} view=${view} />` : html`<${SpecFacts} view=${view} />`}
      <${Details} batch=${batch} view=${view} />
    </${Panel}>
  </main>`;
}
