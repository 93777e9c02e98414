/** What is to be made of the pictures; the last choice is remembered. */
import {computed, signal} from '../../vendor/signals-core.js';

/**
 * @typedef {{format: string, quality: number, lossless: boolean, suffix: string}} Output
 * @typedef {{outputs: Output[], side: number, metadata: string, icc: string, strictness: string,
 *   onLoss: 'report' | 'fail'}} Choice
 */

const key = 'spec';
/** @type {Choice} */
const first = {
  outputs: [{format: 'webp', quality: 80, lossless: false, suffix: ''}],
  side: 0,
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

/**
 * As the API has it. @param {Choice} c @param {any} formats of /v1/formats
 */
export function specOf(c, formats) {
  const outputs = c.outputs.map(o => {
    const options = formats?.formats?.find((/** @type {any} */ f) => f.name === o.format)?.options ?? {};
    /** @type {any} */
    const out = {format: o.format, suffix: o.suffix};
    if (options.quality && !o.lossless) out.quality = o.quality;
    if (options.lossless === 'optional') out.lossless = o.lossless;
    if (c.side > 0) out.resize = {width: c.side, height: c.side, mode: 'fit', upscale: false};
    return out;
  });
  /** @type {Record<string, string>} */
  const onLoss = {};
  if (c.onLoss === 'fail') for (const name of formats?.options?.losses ?? []) onLoss[name] = 'fail';
  return {outputs, metadata: c.metadata, icc: c.icc, strictness: c.strictness, on_loss: onLoss};
}

/** The choice that a batch was made with. @param {any} spec @returns {Choice} */
export function choiceOf(spec) {
  return {
    outputs: spec.outputs.map((/** @type {any} */ o) => ({
      format: o.format,
      quality: o.quality ?? 80,
      lossless: o.lossless ?? false,
      suffix: o.suffix ?? '',
    })),
    side: spec.outputs[0]?.resize?.width ?? 0,
    metadata: spec.metadata,
    icc: spec.icc,
    strictness: spec.strictness,
    onLoss: Object.keys(spec.on_loss ?? {}).length > 0 ? 'fail' : 'report',
  };
}

export const firstFormat = computed(() => choice.value.outputs[0]?.format ?? 'webp');
