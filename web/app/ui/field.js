/** A field for a text that the server keeps: what is typed stays, also while the view is drawn again. */
import {useRef, useState} from '../../vendor/hooks.js';
import {html} from './html.js';

/**
 * What is typed is sent when the field is left, or with Enter. It stays in the field until the server has taken it; where
 * the server refuses it, it can be corrected.
 * @param {{label: string, value: string, save: (text: string) => Promise<void>}} props
 */
export function TextField({label, value, save}) {
  // preact sets a field to `value` each time it is drawn, and a batch that runs is drawn again with each event
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const sending = useRef(/** @type {string | null} */ (null));
  // Not with `change`: after a refusal, the same text is sent again.
  const leave = () => {
    if (typed === null || typed === sending.current) return;
    sending.current = typed;
    const taken = () => setTyped(now => (now === typed ? null : now)); // more may have been typed meanwhile
    const over = () => (sending.current = null);
    save(typed).then(taken, () => {}).then(over);
  };
  const type = (/** @type {string} */ text) => setTyped(text === value ? null : text);
  return html`<label class="f"><span class="l">${label}</span>
    <input class="field" value=${typed ?? value} onInput=${(/** @type {any} */ e) => type(e.target.value)} onBlur=${leave}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === 'Enter' && leave()} /></label>`;
}
