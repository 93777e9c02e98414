// What the page uses of preact, for tsc. The library itself is preact.js.
export type ComponentChild = unknown;
export interface VNode {
  type: unknown;
  props: Record<string, unknown>;
}
export function h(type: unknown, props?: unknown, ...children: unknown[]): VNode;
export function render(what: unknown, into: Element): void;
export const Fragment: unknown;
