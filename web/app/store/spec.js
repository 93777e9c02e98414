/** What is to be made of the pictures; the last choice is remembered. */
import {computed, signal} from '../../vendor/signals-core.js';

/**
 * @typedef {{format: string, quality: number, lossless: boolean, suffix: string}} Output
 * @typedef {{outputs: Output[], side: number, mode: string, metadata: string, icc: string, strictness: string,
 *   onLoss: 'report' | 'fail' | 'some'}} Choice `onLoss` is `some` where a batch forbids only some losses
 */

/** @typedef {import('../types').Spec} Spec */
/** @typedef {import('../types').Formats} Formats */

/** Of a format that is not known. @type {import('../types').FormatRow['options']} */
export const noOptions = {lossless: 'never', progressive: false};
/** @param {Formats | null | undefined} formats @returns {string[]} */
const lossesOf = formats => /** @type {any} */ (formats?.options)?.losses ?? [];

const key = 'spec';
/** @type {Choice} */
const first = {
  outputs: [{format: 'webp', quality: 80, lossless: false, suffix: ''}],
  side: 0,
  mode: 'fit',
  metadata: 'keep',
  icc: 'preserve',
  strictness: 'tolerant',
  onLoss: 'report',
};

/** @returns {Choice} */
function remembered() {
  try {
    return {...first, ...JSON.parse(localStorage.getItem(key) ?? '{}')};
  } catch {
    return first;
  }
}

export const choice = signal(remembered());

/** @param {Partial<Choice>} part */
export function choose(part) {
  choice.value = {...choice.value, ...part};
  localStorage.setItem(key, JSON.stringify(choice.value));
}

/** @param {number} i @param {Partial<Output>} part */
export function chooseOutput(i, part) {
  choose({outputs: choice.value.outputs.map((o, k) => (k === i ? {...o, ...part} : o))});
}

/** @type {Record<string, (writable: Set<string>) => Partial<Choice> | null>} */
export const presets = {
  web: w => (w.has('webp') ? {outputs: [{...first.outputs[0]}], side: 1600, mode: 'fit', metadata: 'strip_location', icc: 'srgb'} : null),
  mail: w => (w.has('jpeg') ? {outputs: [{format: 'jpeg', quality: 75, lossless: false, suffix: ''}], side: 1200, mode: 'fit', metadata: 'strip_location', icc: 'srgb'} : null),
  archive: w => (w.has('png') ? {outputs: [{format: 'png', quality: 80, lossless: false, suffix: ''}], side: 0, mode: 'fit', metadata: 'keep', icc: 'preserve'} : null),
};

/** Whether a preset is what is chosen. @param {Choice} c @param {Partial<Choice>} preset */
export function isChosen(c, preset) {
  return Object.entries(preset).every(([key, value]) => JSON.stringify(c[/** @type {keyof Choice} */ (key)]) === JSON.stringify(value));
}

/**
 * As the API has it. What the page does not show stays as in `base`, the spec of a batch.
 * @param {Choice} c @param {Formats | null} formats of /v1/formats @param {Partial<Spec>} [base] @returns {Spec}
 */
export function specOf(c, formats, base = {}) {
  const same = base.outputs ? choiceOf(/** @type {Spec} */ (base)) : null;
  const outputs = c.outputs.map((o, i) => {
    const options = formats?.formats?.find(f => f.name === o.format)?.options ?? noOptions;
    const before = base.outputs?.[i];
    /** @type {any} */
    const out = {...(before?.format === o.format ? before : {}), format: o.format, suffix: o.suffix};
    delete out.quality;
    delete out.lossless;
    if (options.quality && !o.lossless) out.quality = o.quality;
    if (options.lossless === 'optional') out.lossless = o.lossless;
    if (same && same.side === c.side && same.mode === c.mode) return out;
    delete out.resize;
    if (c.side > 0) out.resize = {width: c.side, height: c.side, mode: c.mode, upscale: false};
    return out;
  });
  /** @type {NonNullable<Spec['on_loss']>} */
  const onLoss = c.onLoss === 'some' ? (base.on_loss ?? {}) : {};
  if (c.onLoss === 'fail') for (const name of lossesOf(formats)) onLoss[name] = 'fail';
  return /** @type {Spec} */ ({...base, outputs, metadata: c.metadata, icc: c.icc, strictness: c.strictness, on_loss: onLoss});
}

/** The choice that a batch was made with. @param {Spec} spec @param {Formats | null} [formats] @returns {Choice} */
export function choiceOf(spec, formats) {
  const forbidden = Object.values(spec.on_loss ?? {}).filter(v => v === 'fail').length;
  const resize = spec.outputs[0]?.resize;
  return {
    outputs: spec.outputs.map((/** @type {any} */ o) => ({
      format: o.format,
      quality: o.quality ?? 80,
      lossless: o.lossless ?? false,
      suffix: o.suffix ?? '',
    })),
    side: Math.max(resize?.width ?? 0, resize?.height ?? 0),
    mode: resize?.mode ?? 'fit',
    metadata: spec.metadata ?? first.metadata,
    icc: spec.icc ?? first.icc,
    strictness: spec.strictness ?? first.strictness,
    onLoss: forbidden === 0 ? 'report' : forbidden === lossesOf(formats).length ? 'fail' : 'some',
  };
}

export const firstFormat = computed(() => choice.value.outputs[0]?.format ?? 'webp');
