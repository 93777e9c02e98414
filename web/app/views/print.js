/** One picture of the contact sheet, and one row of the table: its state by brightness, and in words. */
import {duration, percent, saving, shortName, size} from '../format.js';
import {states} from '../store/files.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';
import {Picture} from '../ui/picture.js';

/** @param {{path: string}} props */
export function Name({path}) {
  return html`<p title=${path}>${shortName(path.slice(path.lastIndexOf('/') + 1))}</p>`;
}

const requested = ['location_stripped', 'metadata_reduced'];

/** Losses beside what the spec asks for. @param {import('../store/files.js').Files} files @param {number} i @returns {string[]} */
function unwanted(files, i) {
  return (files.losses.get(i) ?? []).filter(loss => !requested.includes(loss));
}

/** What is told of a file in a line. @param {import('../store/files.js').Files} files @param {number} i */
export function aboutFile(files, i) {
  const state = states[files.state[i]];
  if (state === 'completed') {
    const lost = unwanted(files, i).length;
    return html`${size(files.bytesIn[i])} → ${size(files.bytesOut[i])} <span class="save">${saving(files.bytesIn[i], files.bytesOut[i])}</span>${lost > 0 &&
      html` <span class="lossy">${t('watch.loss', {n: lost})}</span>`}`;
  }
  if (state === 'running') {
    const at = files.running.get(i);
    return `${t(`stage.${at?.stage ?? 'starting'}`)}, ${percent((at?.percent ?? 0) / 100)}`;
  }
  if (state === 'failed' || state === 'retry_wait') {
    const reason = files.reasons.get(i);
    return reason ? t(`reason.${reason}`) : t(`file.${state}`);
  }
  return `${t(`file.${state}`)}, ${size(files.bytesIn[i])}`;
}

const looks = {queued: 'wait', running: 'run', retry_wait: 'wait', completed: 'done', failed: 'bad', cancelled: 'wait'};

/**
 * @param {{batch: import('../store/batch.js').Batch, i: number, selected: boolean, active: boolean,
 *   onSelect: (i: number) => void}} props
 */
export function Print({batch, i, selected, active, onSelect}) {
  const files = batch.files;
  const state = states[files.state[i]];
  const source = `${batch.path}/files/${i}/thumbnail?w=256`;
  const losses = unwanted(files, i);
  const done = files.running.get(i)?.percent ?? 0;
  return html`<div class=${`print ${looks[state]}${selected ? ' selected' : ''}${active ? ' active' : ''}`} role="listitem" style=${{'--p': `${done}%`}}>
    <a href=${`#/b/${batch.id}/f/${i}`} aria-label=${`${files.paths[i]}, ${t(`file.${state}`)}`}>
      <figure><${Picture} path=${source} class=${state === 'running' ? 'under' : ''} />
        ${state === 'running' && html`<${Picture} path=${source} class="over" />`}
        ${losses.length > 0 && html`<span class="tag">${t(`loss.${losses[0]}`)}</span>`}
      </figure>
    </a>
    <div class="caption"><input type="checkbox" checked=${selected} aria-label=${files.paths[i]} onChange=${() => onSelect(i)} /><${Name} path=${files.paths[i]} /></div>
    <p title=${state === 'failed' ? aboutFile(files, i) : undefined}>${aboutFile(files, i)}</p>
  </div>`;
}

/**
 * @param {{batch: import('../store/batch.js').Batch, i: number, selected: boolean, active: boolean,
 *   onSelect: (i: number) => void}} props
 */
export function Row({batch, i, selected, active, onSelect}) {
  const files = batch.files;
  const state = states[files.state[i]];
  const losses = (files.losses.get(i) ?? []).map(l => t(`loss.${l}`)).join(', ');
  const reason = files.reasons.get(i);
  return html`<div class=${`line ${looks[state]}${active ? ' active' : ''}`} role="listitem">
    <input type="checkbox" checked=${selected} aria-label=${files.paths[i]} onChange=${() => onSelect(i)} />
    <a href=${`#/b/${batch.id}/f/${i}`} title=${files.paths[i]}>${shortName(files.paths[i], 40)}</a>
    <span class="what" title=${reason ? t(`reason.${reason}`) : undefined}>${state === 'running' ? aboutFile(files, i) : reason ? t(`reason.${reason}`) : t(`file.${state}`)}</span>
    <span class="num">${size(files.bytesIn[i])}</span>
    <span class="num">${state === 'completed' ? size(files.bytesOut[i]) : ''}</span>
    <span class="num save">${state === 'completed' ? saving(files.bytesIn[i], files.bytesOut[i]) : ''}</span>
    <span class="lossy">${losses}</span>
    <span class="num">${files.ms[i] ? duration(files.ms[i]) : ''}</span>
  </div>`;
}
