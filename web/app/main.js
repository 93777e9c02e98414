/** The page: which view there is, and drops and pastes anywhere on it. */
import {effect, signal} from '../vendor/signals-core.js';
import {render} from '../vendor/preact.js';
import '../vendor/signals.js';
import {enter, errorText, pauseBefore} from './api.js';
import {go, route} from './route.js';
import {loginState, signedIn, takeTokenFromAddress, token} from './session.js';
import {Batch} from './store/batch.js';
import {current} from './store/current.js';
import {drop, loadFormats, reading, take} from './store/drop.js';
import {language, t} from './text.js';
import {html} from './ui/html.js';
import {lazy} from './ui/lazy.js';
import {fromDrop, fromFiles} from './upload/collect.js';
import {Bar} from './views/bar.js';
import {Keys} from './views/keys.js';
import {List} from './views/list.js';
import {Login} from './views/login.js';
import {Start} from './views/start.js';

const {View: Choose, fetch: fetchChoose} = lazy(() => import('./views/choose.js'), 'Choose');
const {View: Watch, fetch: fetchWatch} = lazy(() => import('./views/watch.js'), 'Watch');
const {View: FileView, fetch: fetchFileView} = lazy(() => import('./views/file.js'), 'FileView');

/** @param {{batch: Batch}} props */
function Opened({batch}) {
  const error = batch.error.value;
  if (error) return html`<main class="empty"><p class="problem" role="alert">${errorText(error)}</p></main>`;
  const file = route.value.file;
  return file !== undefined ? html`<${FileView} batch=${batch} i=${file} />` : html`<${Watch} batch=${batch} />`;
}

/** The server has not answered since the page was opened. */
const unreachable = signal(false);

async function begin() {
  for (let attempt = 0; ; ++attempt) {
    try {
      await enter(token.value);
      unreachable.value = false;
      loadFormats().catch(() => {});
      // While there is a server: what follows is needed also when it has gone.
      for (const fetch of [fetchChoose, fetchWatch, fetchFileView]) fetch();
      return;
    } catch {
      unreachable.value = true;
      await pauseBefore(attempt);
    }
  }
}

function Page() {
  if (unreachable.value) return html`<${Bar} /><main class="empty"><p class="problem" role="alert">${t('error.network')}</p></main>`;
  if (loginState.value !== '' || !signedIn.value)
    return html`<${Bar} />${loginState.value !== '' ? html`<${Login} />` : ''}`;
  const {view} = route.value;
  return html`<${Bar} />
    ${view === 'list' ? html`<${List} />` : view === 'batch' && current.value ? html`<${Opened} batch=${current.value} key=${current.value.id} />` : drop.value ? html`<${Choose} key=${drop.value.name} />` : html`<${Start} />`}
    <${Keys} />`;
}

// One batch is open at a time.
effect(() => {
  const {view, id} = route.value;
  if (!signedIn.value) return;
  const open = current.peek();
  const wanted = view === 'batch' && id ? id : '';
  if ((open?.id ?? '') === wanted) return;
  open?.close();
  const next = wanted ? new Batch(wanted) : null;
  current.value = next;
  next?.open();
});

effect(() => {
  document.documentElement.lang = language.value;
});

addEventListener('dragover', e => {
  e.preventDefault();
  document.body.classList.add('over');
});
addEventListener('dragleave', e => {
  if (!e.relatedTarget) document.body.classList.remove('over');
});
addEventListener('drop', e => {
  e.preventDefault();
  document.body.classList.remove('over');
  if (!e.dataTransfer || !signedIn.value) return;
  const collected = fromDrop(e.dataTransfer, n => (reading.value = n));
  reading.value = 0;
  go('#/');
  collected.then(take);
});
addEventListener('paste', e => {
  const files = e.clipboardData?.files;
  if (!files || files.length === 0 || !signedIn.value) return;
  go('#/');
  take(fromFiles(files));
});

takeTokenFromAddress();
render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById('page')));
begin();
