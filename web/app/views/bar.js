/** The bar above: where one is, how the connection is, and who one is. */
import {waiting} from '../api.js';
import {connection} from '../feed/feed.js';
import {go, route} from '../route.js';
import {me, signOut, token} from '../session.js';
import {current} from '../store/current.js';
import {chooseLanguage, language, languageNames, t} from '../text.js';
import {html} from '../ui/html.js';

export function Bar() {
  const name = current.value?.view.value?.name;
  return html`<header class="bar">
    <a class="mark" href="#/"><i></i>Darkroom</a>
    <nav class="crumb" aria-label="Darkroom">
      <a href="#/batches">${t('bar.batches')}</a>
      ${route.value.view === 'batch' && html`<span aria-hidden="true"> / </span><b>${name || t('list.unnamed')}</b>`}
    </nav>
    <span class="grow"></span>
    ${waiting.value && (route.value.view !== 'batch' || connection.value === 'live') &&
    html`<span class="live connecting" role="status"><i></i>${waiting.value}</span>`}
    ${route.value.view === 'batch' &&
    html`<span class=${`live ${connection.value}`} role="status"><i></i>${t(`bar.${connection.value}`)}</span>`}
    ${route.value.view !== 'start' && html`<button class="alt" onClick=${() => go('#/')}>${t('bar.new')}</button>`}
    <select class="quiet" aria-label=${t('bar.language')} value=${language.value} onChange=${(/** @type {any} */ e) => chooseLanguage(e.target.value)}>
      ${Object.entries(languageNames).map(([key, label]) => html`<option value=${key}>${label}</option>`)}
    </select>
    ${me.value && html`<span class="who" title=${me.value.user}>${me.value.user.slice(0, 2).toUpperCase()}</span>`}
    ${me.value && token.value && html`<button class="quiet" onClick=${signOut}>${t('bar.signOut')}</button>`}
  </header>`;
}
