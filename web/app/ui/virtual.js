/** A long list of which only what is on the screen exists: rows of equal height, in one or more columns. */
import {useEffect, useLayoutEffect, useRef, useState} from '../../vendor/hooks.js';
import {html} from './html.js';

/**
 * @param {{count: number, rowHeight: number, columnWidth?: number, gap?: number, render: (i: number) => any,
 *   label: string, show?: number}} props `show`: the item that has to be in view
 */
export function Virtual({count, rowHeight, columnWidth = 0, gap = 0, render, label, show}) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState({from: 0, to: 30, columns: 1});
  const step = rowHeight + gap;

  const measure = () => {
    const element = box.current;
    if (!element) return;
    const columns = columnWidth > 0 ? Math.max(1, Math.floor((element.clientWidth + gap) / (columnWidth + gap))) : 1;
    const top = Math.max(0, -element.getBoundingClientRect().top);
    const from = Math.max(0, Math.floor(top / step) - 2);
    const to = Math.ceil((top + innerHeight) / step) + 2;
    setView(was => (was.from === from && was.to === to && was.columns === columns ? was : {from, to, columns}));
  };
  useLayoutEffect(measure, [count, columnWidth, rowHeight]);
  useEffect(() => {
    addEventListener('scroll', measure, {passive: true});
    addEventListener('resize', measure);
    return () => {
      removeEventListener('scroll', measure);
      removeEventListener('resize', measure);
    };
  }, [count, columnWidth, rowHeight]);
  useEffect(() => {
    if (show === undefined || show < 0 || !box.current) return;
    const top = box.current.getBoundingClientRect().top + scrollY + Math.floor(show / view.columns) * step;
    if (top < scrollY + 120) scrollTo({top: top - 120});
    else if (top + step > scrollY + innerHeight) scrollTo({top: top + step - innerHeight + 16});
  }, [show]);

  const rows = Math.ceil(count / view.columns);
  const first = Math.min(view.from, Math.max(0, rows - 1)) * view.columns;
  const last = Math.min(count, view.to * view.columns);
  const items = [];
  for (let i = first; i < last; ++i) items.push(render(i));
  return html`<div ref=${box} class="virtual" role="list" aria-label=${label} style=${{height: `${rows * step - (rows > 0 ? gap : 0)}px`}}>
    <div class=${columnWidth > 0 ? 'grid' : 'rows'} style=${{transform: `translateY(${(first / view.columns) * step}px)`, '--columns': view.columns, '--row': `${rowHeight}px`}}>${items}</div>
  </div>`;
}
