/** The page's text, in the language of the browser, or the one that was chosen. */
import {computed, signal} from '../vendor/signals-core.js';
import {en} from './text/en.js';

/** Texts that are loaded; English is there for what another language lacks. @type {Record<string, Record<string, string>>} */
const loaded = {en};
/** @type {Record<string, () => Promise<Record<string, string>>>} */
const others = {de: async () => (await import('./text/de.js')).de};
export const languageNames = {en: 'English', de: 'Deutsch'};

/** @param {string} name @returns {Promise<string>} the language that there is */
async function load(name) {
  try {
    if (!(name in loaded)) loaded[name] = await others[name]();
    return name;
  } catch {
    return 'en'; // the server has gone meanwhile
  }
}

const kept = localStorage.getItem('language');
const preferred = navigator.languages.map(l => l.slice(0, 2)).find(l => l in languageNames);
export const language = signal(await load(kept && kept in languageNames ? kept : preferred ?? 'en'));

/** @param {string} name */
export async function chooseLanguage(name) {
  language.value = await load(name);
  localStorage.setItem('language', name);
}

const words = computed(() => loaded[language.value]);
const plural = computed(() => new Intl.PluralRules(language.value));

/**
 * A text with its values: `{name}` stands for one. Where `n` is given, a text may have a form for one:
 * `key.one`.
 * @param {string} key @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const all = words.value;
  const one = typeof values.n === 'number' && plural.value.select(values.n) === 'one';
  const text = (one ? all[`${key}.one`] : undefined) ?? all[key] ?? en[/** @type {keyof en} */ (key)] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(language.value).format(value) : value;
  });
}

/** Whether there is such a text. @param {string} key */
export function hasText(key) {
  return key in words.value;
}
