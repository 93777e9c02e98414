/** One picture before and after: the server's real result, beside the controls that change it. */
import {useEffect, useMemo, useRef, useState} from '../../vendor/hooks.js';
import {signal} from '../../vendor/signals-core.js';
import {errorText, received, send} from '../api.js';
import {saving, size} from '../format.js';
import {formats} from '../store/drop.js';
import {sample, sampleProblem} from '../store/draft.js';
import {Previewer, read} from '../store/preview.js';
import {choice, specOf} from '../store/spec.js';
import {t} from '../text.js';
import {html} from '../ui/html.js';

const widthMax = 2048;
const panStep = 64;

/** Whether the sample is shown pixel by pixel, be it large or not. */
const pixelByPixel = signal(false);

/** @param {Blob | null} blob @returns {string} an address for <img>, as long as the blob is shown */
function useUrl(blob) {
  const [url, setUrl] = useState('');
  useEffect(() => {
    const made = blob ? URL.createObjectURL(blob) : '';
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}

/** The body of a preview request. @param {import('../store/spec.js').Choice} c @param {number} output its number */
function bodyOf(c, output) {
  const {outputs, ...rest} = specOf(c, formats.value);
  return {...rest, output: outputs[Math.min(output, outputs.length - 1)]};
}

/**
 * The two pictures, one over the other. `full`: pixel by pixel, from `corner` on, in pixels of the output.
 * @param {{before: string, after: string, preview: import('../store/preview.js').Preview | null, at: number,
 *   setAt: (at: number) => void, full: boolean, corner: {x: number, y: number}, move: (x: number, y: number) => void,
 *   onSize: (width: number) => void}} props
 */
function Compare({before, after, preview, at, setAt, full, corner, move, onSize}) {
  const [broken, setBroken] = useState('');
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const drag = useRef(/** @type {{x: number, y: number} | null} */ (null));
  useEffect(() => {
    const measure = () => box.current && onSize(box.current.clientWidth);
    measure();
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  });
  const dpr = devicePixelRatio;
  const ratio = preview && preview.width > 0 ? preview.width / preview.height : 4 / 3;
  const whole = preview
    ? {width: `${preview.width / dpr}px`, height: `${preview.height / dpr}px`, left: `${-corner.x / dpr}px`, top: `${-corner.y / dpr}px`}
    : {};
  const slide = (/** @type {PointerEvent} */ e) => {
    const area = /** @type {HTMLElement} */ (box.current).getBoundingClientRect();
    setAt(Math.min(100, Math.max(0, (100 * (e.clientX - area.left)) / area.width)));
  };
  const onDown = (/** @type {PointerEvent} */ e) => {
    /** @type {HTMLElement} */ (e.currentTarget).setPointerCapture(e.pointerId);
    drag.current = {x: e.clientX, y: e.clientY};
    if (!full) slide(e);
  };
  const onMove = (/** @type {PointerEvent} */ e) => {
    if (!drag.current) return;
    if (!full) return slide(e);
    move((drag.current.x - e.clientX) * dpr, (drag.current.y - e.clientY) * dpr);
    drag.current = {x: e.clientX, y: e.clientY};
  };
  const onKey = (/** @type {KeyboardEvent} */ e) => {
    const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    const step = full && steps[/** @type {keyof steps} */ (e.key)];
    if (!step) return;
    e.preventDefault();
    move(step[0] * panStep, step[1] * panStep);
  };
  // Pictures are not mirrored, so neither is what lies over them, nor the keys that move it.
  return html`<div ref=${box} dir="ltr" class=${`compare${full ? ' full' : ''}`} style=${{'--at': `${at}%`, '--ratio': ratio}}
    tabindex=${full ? 0 : -1} role=${full ? 'application' : 'presentation'} aria-label=${full ? t('sample.pan') : undefined}
    onPointerDown=${onDown} onPointerMove=${onMove} onPointerUp=${() => (drag.current = null)} onKeyDown=${onKey}>
    ${before && before !== broken && html`<img class="before" src=${before} alt=${t('detail.before')} draggable=${false} style=${full ? whole : {}} onError=${() => setBroken(before)} />`}
    ${before && before === broken && html`<p class="note unshown">${t('sample.unshown')}</p>`}
    ${after && html`<img class="after" src=${after} alt=${t('detail.after')} draggable=${false} />`}
    ${after && html`<i aria-hidden="true"><b>‹ ›</b></i>`}
    <input type="range" class="only-read" min="0" max="100" value=${Math.round(at)} aria-label=${t('sample.slide')} onInput=${(/** @type {any} */ e) => setAt(Number(e.target.value))} />
  </div>`;
}

/** What it costs and saves, in a line. @param {{before: number, preview: import('../store/preview.js').Preview}} props */
function Bytes({before, preview}) {
  const after = preview.bytes ?? preview.estimate;
  if (after === null) return html`<span></span>`;
  return html`<span>${t('detail.after')} <b>${preview.bytes === null ? '≈ ' : ''}${size(after)}</b> <span class="save">${saving(before, after)}</span></span>`;
}

/** @param {{large: boolean, setLarge: (large: boolean) => void}} props */
export function Sample({large, setLarge}) {
  const now = sample.value;
  const [at, setAt] = useState(50);
  const full = pixelByPixel.value;
  const [corner, setCorner] = useState({x: 0, y: 0});
  const [output, setOutput] = useState(0);
  const [width, setWidth] = useState(0);
  const where = now ? `/v1/batches/${now.batch}/files/${now.index}/preview` : '';
  const previewer = useMemo(
    () => new Previewer(
      async wish => received(read(await send('POST', where, {json: {...bodyOf(choice.value, output), ...wish}}))),
      errorText),
    [where, output]);
  const preview = previewer.shown.value;
  const c = choice.value;

  useEffect(() => {
    if (!now || width === 0) return;
    const pixels = Math.ceil(width * devicePixelRatio);
    const height = Math.ceil((pixels * (preview?.height || 3)) / (preview?.width || 4));
    const {output: one, ...rest} = bodyOf(c, output);
    previewer.show({...rest, output: one, ...(full
      ? {crop: {...corner, width: pixels, height}}
      : {width: Math.min(widthMax, Math.max(16, pixels))})});
  }, [c, previewer, width, full, corner.x, corner.y]);
  useEffect(() => () => previewer.stop(), [previewer]);

  const before = useUrl(now?.picture.file ?? null);
  const after = useUrl(preview?.picture ?? null);
  if (sampleProblem.value) return html`<section class="sample"><h2>${t('sample.title')}</h2><p class="problem" role="alert">${sampleProblem.value}</p></section>`;
  if (!now) return html`<section class="sample"><h2>${t('sample.title')}</h2><div class="compare"></div><p class="note" role="status">${t('sample.sending')}</p></section>`;
  const move = (/** @type {number} */ x, /** @type {number} */ y) =>
    setCorner(was => ({
      x: Math.round(Math.min(Math.max(0, was.x + x), Math.max(0, (preview?.width ?? 1) - 1))),
      y: Math.round(Math.min(Math.max(0, was.y + y), Math.max(0, (preview?.height ?? 1) - 1)))}));
  const toggle = () => {
    // The middle of the picture.
    const pixels = width * devicePixelRatio;
    const shown = preview ?? {width: 0, height: 0};
    setCorner({x: Math.max(0, Math.round((shown.width - pixels) / 2)), y: Math.max(0, Math.round((shown.height - (pixels * shown.height) / Math.max(1, shown.width)) / 2))});
    pixelByPixel.value = !full;
  };
  const labels = formats.value?.formats ?? [];
  return html`<section class="sample" aria-busy=${previewer.busy.value}>
    <div class="row"><h2>${t('sample.title')}</h2><span class="grow"></span>
      <button type="button" class="quiet" aria-pressed=${full} onClick=${toggle}>${t('sample.full')}</button>
      <button type="button" class="quiet" aria-pressed=${large} onClick=${() => setLarge(!large)}>${t(large ? 'sample.smaller' : 'sample.larger')}</button></div>
    ${c.outputs.length > 1 && html`<div class="seg wide">${c.outputs.map((o, i) => html`<button type="button" key=${i} aria-pressed=${i === output}
      onClick=${() => setOutput(i)}>${labels.find(f => f.name === o.format)?.label ?? o.format} ${o.suffix}</button>`)}</div>`}
    <${Compare} before=${before} after=${after} preview=${preview} at=${at} setAt=${setAt} full=${full} corner=${corner} move=${move} onSize=${setWidth} />
    <div class="cap"><span>${t('detail.before')} <b>${size(now.picture.file.size)}</b></span>
      ${preview && html`<${Bytes} before=${now.picture.file.size} preview=${preview} />`}</div>
    ${previewer.problem.value
      ? html`<p class="problem" role="alert">${previewer.problem.value}</p>`
      : preview && html`<p class="note" role="status">${preview.width} × ${preview.height}. ${preview.losses.length > 0
        ? html`<span class="lossy">${preview.losses.map(l => t(`loss.${l}`)).join(', ')}</span>` : t('sample.nothing')}</p>`}
  </section>`;
}
