/** The panel at the right: the same in all states; only its primary action changes. */
import {t} from '../text.js';
import {choice, choose, chooseOutput, isChosen, noOptions, presets} from '../store/spec.js';
import {formats} from '../store/drop.js';
import {html} from '../ui/html.js';

const modes = ['fit', 'fill', 'pad'];
const sides = [0, 800, 1200, 1600, 2048, 2560, 3840];

/** @typedef {import('../store/spec.js').Choice} Choice */

/** @param {{i: number, removable: boolean}} props */
function Output({i, removable}) {
  const output = choice.value.outputs[i];
  const all = (formats.value?.formats ?? []).filter(f => f.writes);
  const options = all.find(f => f.name === output.format)?.options ?? noOptions;
  return html`<fieldset class="output">
    <legend class="l">${t(i === 0 ? 'spec.format' : 'spec.also')}</legend>
    <div class="seg wide">${all.map(f => html`<button type="button" key=${f.name}
      aria-pressed=${f.name === output.format} onClick=${() => chooseOutput(i, {format: f.name})}>${f.label}</button>`)}</div>
    ${options.quality && html`<label class="f"><span class="l">${t('spec.quality')}<b>${output.quality}</b></span>
      <input type="range" min=${options.quality.least} max=${options.quality.most} value=${output.quality} disabled=${output.lossless}
        onInput=${(/** @type {any} */ e) => chooseOutput(i, {quality: Number(e.target.value)})} /></label>`}
    ${options.lossless === 'optional' && html`<label class="check"><input type="checkbox" checked=${output.lossless}
      onChange=${(/** @type {any} */ e) => chooseOutput(i, {lossless: e.target.checked})} />${t('spec.lossless')}</label>`}
    ${choice.value.outputs.length > 1 && html`<label class="f"><span class="l">${t('spec.suffix')}</span>
      <input class="field" value=${output.suffix} onInput=${(/** @type {any} */ e) => chooseOutput(i, {suffix: e.target.value})} /></label>`}
    ${removable && html`<button type="button" class="quiet" onClick=${() =>
      choose({outputs: choice.value.outputs.filter((_, k) => k !== i)})}>${t('spec.remove')}</button>`}
  </fieldset>`;
}

/** @param {{label: string, name: 'metadata' | 'icc' | 'strictness' | 'onLoss', values: [string, string][]}} props */
function Select({label, name, values}) {
  return html`<label class="f"><span class="l">${label}</span>
    <select class="field" value=${choice.value[name]} onChange=${(/** @type {any} */ e) => choose({[name]: e.target.value})}>
      ${values.map(([value, text]) => html`<option value=${value} key=${value}>${text}</option>`)}
    </select></label>`;
}

export function SpecControls() {
  const c = choice.value;
  const writable = new Set((formats.value?.formats ?? []).filter(f => f.writes).map(f => f.name));
  const offered = Object.entries(presets).flatMap(([name, make]) => {
    const preset = make(writable);
    return preset ? [{name, preset}] : [];
  });
  const onLoss = ['report', 'fail', ...(c.onLoss === 'some' ? ['some'] : [])];
  return html`<div class="spec">
    <div class="f"><span class="l" id="presets">${t('spec.preset')}</span>
      <div class="seg wide" role="group" aria-labelledby="presets">${offered.map(({name, preset}) => html`<button type="button" key=${name}
        aria-pressed=${isChosen(c, preset)} title=${t(`spec.preset.${name}.about`)} onClick=${() => choose(preset)}>${t(`spec.preset.${name}`)}</button>`)}</div>
      ${offered.filter(({preset}) => isChosen(c, preset)).map(({name}) => html`<p class="note" key=${name}>${t(`spec.preset.${name}.about`)}</p>`)}</div>
    ${c.outputs.map((_, i) => html`<${Output} i=${i} removable=${i > 0} key=${i} />`)}
    <label class="f"><span class="l">${t('spec.side')}</span>
      <select class="field" value=${c.side} onChange=${(/** @type {any} */ e) => choose({side: Number(e.target.value)})}>
        ${[...new Set([...sides, c.side])].sort((a, b) => a - b).map(n => html`<option value=${n} key=${n}>${n === 0 ? t('spec.side.none') : t('spec.pixels', {n: String(n)})}</option>`)}
      </select></label>
    ${c.side > 0 && html`<div class="seg wide" role="group" aria-label=${t('spec.mode')}>${modes.map(mode => html`<button type="button" key=${mode}
      aria-pressed=${c.mode === mode} aria-describedby=${`mode-${mode}`} onClick=${() => choose({mode})}>${t(`spec.mode.${mode}`)}</button>`)}</div>
      ${modes.map(mode => html`<p class=${c.mode === mode ? 'note' : 'only-read'} id=${`mode-${mode}`} key=${mode}>${t(`spec.mode.${mode}.about`)}</p>`)}`}
    <${Select} label=${t('spec.metadata')} name="metadata" values=${['keep', 'strip_location', 'copyright', 'strip'].map(v => [v, t(`spec.metadata.${v}`)])} />
    <details><summary>${t('spec.more')}</summary>
      <button type="button" class="quiet" onClick=${() =>
        choose({outputs: [...c.outputs, {...c.outputs[0], suffix: '-' + (c.outputs.length + 1)}]})}>${t('spec.add')}</button>
      <${Select} label=${t('spec.colour')} name="icc" values=${['preserve', 'srgb'].map(v => [v, t(`spec.colour.${v}`)])} />
      <${Select} label=${t('spec.on_loss')} name="onLoss" values=${onLoss.map(v => [v, t(`spec.on_loss.${v}`)])} />
      <${Select} label=${t('spec.strictness')} name="strictness" values=${['tolerant', 'strict'].map(v => [v, t(`spec.strictness.${v}`)])} />
    </details>
  </div>`;
}

/** @param {{children?: any, foot: any}} props */
export function Panel({children, foot}) {
  return html`<aside class="side">${children}<div class="foot">${foot}</div></aside>`;
}
