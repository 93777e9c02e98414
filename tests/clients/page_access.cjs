// Whether everybody can use the page: node page_access.cjs SERVER TOKEN FOLDER OUT
// By keyboard alone, from the folder to its ZIP in OUT; every view through axe, dark and light, and at 320 px and at
// 200 %, where nothing may stand out to the side. Prints what is found.
const {launch, run, start, state, visit} = require('./page_tools.cjs');
const axe = require('fs').readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [server, token, folder, out] = process.argv.slice(2);

/** Presses Tab until an element with this name has the focus. */
async function tabTo(page, name) {
  for (let i = 0; i < 80; ++i) {
    const now = await page.evaluate(() => {
      const e = document.activeElement;
      return e?.getAttribute('aria-label') ?? e?.textContent?.trim() ?? '';
    });
    if (name.test(now)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${name}`);
}

async function found(page, view) {
  // By the protocol, not by a script element: the page's policy stays as it is.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  const {violations} = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}));
  for (const v of violations) console.log(`${view}: ${v.id} ${v.nodes.map(n => n.target.join(' ')).slice(0, 3).join('; ')}`);
}

async function tooWide(page, view) {
  const wide = await page.evaluate(() => {
    const over = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(e).position !== 'fixed');
    return document.scrollingElement.scrollWidth > innerWidth ? `${document.scrollingElement.scrollWidth} ${over.slice(0, 3).map(e => e.className || e.tagName).join(', ')}` : '';
  });
  if (wide) console.log(`${view}: too wide, ${wide}`);
}

run(async shown => {
  const browser = await launch();
  const {page, faults} = await visit(browser, server, token);
  shown.page = page;
  page.on('filechooser', chooser => chooser.setFiles(folder));
  const check = (view) => found(page, view);

  // By keyboard alone.
  await start(page);
  await tabTo(page, /^Choose a folder$/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^Convert \d+ pictures/);
  await page.keyboard.press('Enter');
  await state(page, /^Done/);
  await tabTo(page, /^Download ZIP/);
  const download = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  await (await download).saveAs(out);
  console.log('by keyboard: done');
  const batch = new URL(page.url()).hash;

  const views = [
    ['start', '#/', () => page.getByRole('heading', {name: 'Drop a folder of pictures'}).waitFor()],
    ['choose', '#/', async () => {
      await page.getByRole('button', {name: 'Choose a folder'}).click();
      await page.locator('.compare .after').waitFor();
    }],
    ['sheet', batch, async () => {
      await page.getByRole('button', {name: 'Sheet'}).click();
      await page.locator('.print img').first().waitFor();
    }],
    ['table', batch, async () => {
      await page.getByRole('button', {name: 'Table'}).click();
      await page.locator('.line a').first().waitFor();
    }],
    ['nothing found', batch, async () => {
      await page.getByRole('searchbox', {name: 'Find a file'}).fill('no such file');
      await page.getByText('No file matches.').waitFor();
    }],
    ['file', `${batch}/f/0`, () => page.locator('.beside img').last().waitFor()],
    ['list', '#/batches', () => page.locator('a.batch').first().waitFor()],
    ['keys', '#/batches', async () => {
      await page.locator('a.batch').first().waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    }],
  ];
  const each = async (work, how) => {
    for (const [name, hash, ready] of views) {
      await page.goto(`${server}/${hash}`);
      await page.reload();
      await ready();
      await work(`${name}, ${how}`);
    }
  };
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({colorScheme});
    await each(check, colorScheme);
  }
  await page.setViewportSize({width: 320, height: 640});
  await each(view => tooWide(page, view), '320 px');
  await page.setViewportSize({width: 640, height: 400}); // what 200 % leaves of 1280 by 800
  await each(view => tooWide(page, view), '200 %');
  await page.setViewportSize({width: 1280, height: 800});
  await page.goto(`${server}/#/batches`);
  await page.reload();
  for (const fault of faults) console.log(fault); // signing out asks who one is without a token
  await page.getByRole('button', {name: 'Sign out'}).click();
  await page.getByRole('heading', {name: 'Sign in'}).waitFor();
  await check('login, light');
  await browser.close();
});
