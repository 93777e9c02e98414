/** Numbers, sizes and times as people read them: at most three significant digits. */
import {language} from './text.js';

/** To make one takes longer than to use it. @type {Map<string, Intl.NumberFormat>} */
const formatters = new Map();

/** @param {number} n @param {Intl.NumberFormatOptions} [options] */
export function number(n, options = {}) {
  const key = language.value + JSON.stringify(options);
  let formatter = formatters.get(key);
  if (!formatter) formatters.set(key, (formatter = new Intl.NumberFormat(language.value, options)));
  return formatter.format(n);
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let n = bytes;
  let i = 0;
  for (; n >= 999.5 && i < units.length - 1; ++i) n /= 1000;
  return `${number(n, {maximumSignificantDigits: n < 1 ? 1 : 3})} ${units[i]}`;
}

/** @param {number} share from 0 to 1 */
export function percent(share) {
  return number(share, {style: 'percent', maximumFractionDigits: 0});
}

/** What was saved: "−84 %", or "+3 %". @param {number} before @param {number} after */
export function saving(before, after) {
  if (!before) return '';
  const change = after / before - 1;
  return (change <= 0 ? '−' : '+') + percent(Math.abs(change));
}

/** @param {number} ms */
export function duration(ms) {
  const s = ms / 1000;
  if (s < 1) return `${number(s, {maximumSignificantDigits: 2})} s`;
  if (s < 60) return `${number(s, {maximumFractionDigits: 0})} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long ago. @param {string} when */
export function ago(when) {
  const s = (Date.now() - Date.parse(when)) / 1000;
  const words = new Intl.RelativeTimeFormat(language.value, {numeric: 'auto'});
  if (s < 90) return words.format(-Math.max(1, Math.round(s)), 'second');
  if (s < 5400) return words.format(-Math.round(s / 60), 'minute');
  if (s < 129600) return words.format(-Math.round(s / 3600), 'hour');
  return words.format(-Math.round(s / 86400), 'day');
}

/** Cut in the middle, never at the extension. @param {string} name @param {number} [most] */
export function shortName(name, most = 26) {
  if (name.length <= most) return name;
  const dot = name.lastIndexOf('.');
  const tail = name.slice(Math.max(dot - 6, name.length - 12, 0));
  return name.slice(0, most - tail.length - 1) + '…' + tail;
}
