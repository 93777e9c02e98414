/** Views whose code comes after that of the first view. */
import {useEffect, useState} from '../../vendor/hooks.js';
import {pauseBefore} from '../api.js';
import {html} from './html.js';

/**
 * @template {string} Name
 * @param {() => Promise<Record<Name, any>>} load @param {Name} name of the view in its module
 * @returns {{View: (props: any) => any, fetch: () => Promise<void>}} `fetch`: before it is needed
 */
export function lazy(load, name) {
  /** @type {any} */
  let view = null;
  /** @type {Promise<void> | null} */
  let coming = null;
  const fetch = () =>
    (coming ??= (async () => {
      for (let attempt = 0; view === null; ++attempt) {
        try {
          view = (await load())[name];
        } catch {
          await pauseBefore(attempt);
        }
      }
    })());
  const View = (/** @type {any} */ props) => {
    const [, setReady] = useState(view !== null);
    useEffect(() => {
      fetch().then(() => setReady(true));
    }, []);
    return view ? html`<${view} ...${props} />` : html`<main class="sheet"></main>`;
  };
  return {View, fetch};
}
