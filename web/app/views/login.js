/** The token is asked for once; requests that wait for it go on. */
import {useState} from '../../vendor/hooks.js';
import {enter} from '../api.js';
import {loginState} from '../session.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';

export function Login() {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const submit = (/** @type {Event} */ e) => {
    e.preventDefault();
    setProblem('');
    enter(text.trim()).catch(() => setProblem(t('login.unreachable')));
  };
  const said = loginState.value;
  return html`<main class="login"><form class="drop" onSubmit=${submit}>
    <h1>${t('login.title')}</h1>
    <p id="login-lead">${t(said === 'expired' ? 'login.expired' : 'login.lead')}</p>
    <label class="f">${t('login.token')}
      <input class="field" type="password" autocomplete="off" autofocus value=${text} aria-describedby="login-lead"
        onInput=${(/** @type {any} */ e) => setText(e.target.value)} />
    </label>
    ${said === 'wrong' && html`<p class="problem" role="alert">${t('login.wrong')}</p>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <button class="go narrow">${t('login.enter')}</button>
  </form></main>`;
}
