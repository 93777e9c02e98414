// @preact/signals, for tsc: imported for what it does to preact. The library itself is signals.js.
export * from './signals-core.js';
