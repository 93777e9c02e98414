/** The page's text, in the language of the browser, or the one that was chosen. */
import {computed, signal} from '../vendor/signals-core.js';
import {de} from './text/de.js';
import {en} from './text/en.js';

/** @type {Record<string, Record<string, string>>} */
const languages = {en, de};
export const languageNames = {en: 'English', de: 'Deutsch'};

const kept = localStorage.getItem('language');
const preferred = navigator.languages.map(l => l.slice(0, 2)).find(l => l in languages);
export const language = signal(kept && kept in languages ? kept : preferred ?? 'en');

/** @param {string} name */
export function chooseLanguage(name) {
  language.value = name;
  localStorage.setItem('language', name);
}

const words = computed(() => languages[language.value]);
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
