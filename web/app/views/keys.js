/** The list of keys. */
import {useEffect, useRef} from '../../vendor/hooks.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';

const keys = [['?', 'help'], ['/', 'find'], ['j k', 'move'], ['space', 'open'], ['x', 'select'], ['r', 'retry'], ['p', 'pause'], ['t', 'table']];

export function Keys() {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== '?' || /** @type {Element} */ (e.target).closest('input, textarea')) return;
      if (box.current?.open) box.current.close();
      else box.current?.showModal();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return html`<dialog ref=${box} aria-labelledby="keys-title"><h2 id="keys-title">${t('keys.title')}</h2>
    <dl class="facts">${keys.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${t(`keys.${what}`)}</dd></div>`)}</dl>
    <form method="dialog"><button class="alt">${t('do.close')}</button></form></dialog>`;
}
