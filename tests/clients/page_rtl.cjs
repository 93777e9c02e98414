// The page in a language that is written from right to left: node page_rtl.cjs SERVER TOKEN FOLDER
// At 320 px and wide, nothing may stand out to a side; what is at the right is at the left; keys move sliders in the
// direction that people see. Prints what is wrong, then `mirrored`.
const {drop, launch, run, sampled, start, state, visit} = require('./page_tools.cjs');

const [server, token, folder] = process.argv.slice(2);

const wrong = [];

/** What stands out to a side, and what lies on something else that it does not belong to. */
async function check(page, view) {
  const found = await page.evaluate(() => {
    const out = [];
    const scroller = document.scrollingElement;
    scroller.scrollLeft = -1000;
    if (scroller.scrollLeft !== 0) out.push(`scrolls to ${scroller.scrollLeft}`);
    scroller.scrollLeft = 1000;
    if (scroller.scrollLeft !== 0) out.push(`scrolls to ${scroller.scrollLeft}`);
    if (scroller.scrollWidth > innerWidth) out.push(`${scroller.scrollWidth} wide`);
    const scrolls = e => e && (/(auto|scroll|hidden)/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    for (const e of document.querySelectorAll('#page button, #page a, #page input, #page select, #page h1, #page p')) {
      const box = e.getBoundingClientRect();
      if (box.width < 2 || e.closest('.only-read') || scrolls(e.parentElement)) continue;
      if (box.left < -1 || box.right > innerWidth + 1) out.push(`${e.tagName} ${e.className} ${e.textContent.slice(0, 20)} from ${Math.round(box.left)} to ${Math.round(box.right)}`);
    }
    return out;
  });
  for (const what of found) wrong.push(`${view}: ${what}`);
}

const boxOf = (page, selector) => page.locator(selector).first().boundingBox();

/** Where the thumb of a slider is, from 0 at the left to 1, as its value and its direction have it. */
const placeOf = slider =>
  slider.evaluate(e => {
    const part = (e.valueAsNumber - Number(e.min)) / (Number(e.max) - Number(e.min));
    return getComputedStyle(e).direction === 'rtl' ? 1 - part : part;
  });

async function keysOf(slider, name) {
  await slider.focus();
  for (const [key, sign] of [['ArrowRight', 1], ['ArrowLeft', -1]]) {
    const before = await placeOf(slider);
    await slider.press(key);
    if ((await placeOf(slider)) * sign <= before * sign) wrong.push(`${name}: ${key} moves it the other way`);
  }
}

run(async shown => {
  const browser = await launch();
  const {page, faults} = await visit(browser, server, token);
  shown.page = page;
  const mirror = () => page.evaluate(() => (document.documentElement.dir = 'rtl'));
  await page.addInitScript(() => addEventListener('DOMContentLoaded', () => (document.documentElement.dir = 'rtl')));
  await mirror();
  for (const width of [1280, 320]) {
    await page.setViewportSize({width, height: 800});
    const at = view => `${view}, ${width} px`;
    await page.goto(`${server}/#/`);
    await page.reload();
    await start(page);
    await check(page, at('start'));
    await drop(page, folder);
    await sampled(page);
    await check(page, at('choose'));
    await keysOf(page.getByRole('slider', {name: 'Quality'}), 'quality');
    const slide = page.getByRole('slider', {name: 'How much of the picture before is shown'});
    await keysOf(slide, 'before and after');
    // The line goes where the key points to, over a picture that is not mirrored.
    const line = async () => (await boxOf(page, '.compare > i')).x;
    const before = await line();
    for (let i = 0; i < 5; ++i) await slide.press('ArrowRight');
    if ((await line()) <= before) wrong.push('the line between before and after goes the other way');
    await page.getByRole('combobox', {name: 'Longest side'}).selectOption('800');
    await check(page, at('choose, resized'));
    if (width === 1280) {
      const [side, sheet] = [await boxOf(page, '.side'), await boxOf(page, '.sheet')];
      if (side.x >= sheet.x) wrong.push('the panel is not at the left');
    }
    await page.getByRole('button', {name: /^Convert/}).click();
    await state(page, /^Done/);
    await page.getByRole('button', {name: 'Sheet'}).click();
    await page.locator('.print img').first().waitFor();
    await check(page, at('sheet'));
    const [first, mark] = [await boxOf(page, '.chip'), await boxOf(page, '.mark')];
    if (first.x + first.width / 2 < width / 2) wrong.push(at('the first filter is not at the right'));
    if (mark.x + mark.width / 2 < width / 2) wrong.push(at('the name is not at the right'));
    await page.getByRole('button', {name: 'Table'}).click();
    await page.locator('.line a').first().waitFor();
    await check(page, at('table'));
    await page.locator('.line a').first().click();
    await page.locator('.beside img').last().waitFor();
    await check(page, at('file'));
    await page.goto(`${server}/#/batches`);
    await page.locator('a.batch').first().waitFor();
    await check(page, at('list'));
  }
  // A preview that a newer one took the place of is told by the browser as a fault.
  for (const what of [...wrong, ...faults.filter(f => !f.includes('409'))]) console.log(what);
  console.log('mirrored');
  await browser.close();
});
