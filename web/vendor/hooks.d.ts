// What the page uses of preact/hooks, for tsc. The library itself is hooks.js.
type Change<T> = T | ((was: T) => T);
export function useState<T>(first: T | (() => T)): [T, (next: Change<T>) => void];
export function useEffect(work: () => void | (() => void), depends?: readonly unknown[]): void;
export function useLayoutEffect(work: () => void | (() => void), depends?: readonly unknown[]): void;
export function useMemo<T>(make: () => T, depends?: readonly unknown[]): T;
export function useRef<T>(first: T): {current: T};
