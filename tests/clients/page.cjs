// The page in a browser, as a person uses it: node page.cjs SERVER TOKEN FOLDER OUT SHOTS
// Drops the folder, converts it to WebP, downloads the ZIP to OUT; prints what it saw.
const fs = require('fs');
const path = require('path');
const {chromium} = require('playwright-core');

const [server, token, folder, out, shots] = process.argv.slice(2);

(async () => {
  const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
  const page = await (await browser.newContext({viewport: {width: 1280, height: 800}, acceptDownloads: true, locale: 'en-GB'})).newPage();
  const faults = [];
  page.on('pageerror', e => faults.push(String(e)));
  page.on('console', m => m.type() === 'error' && faults.push(m.text()));
  const shot = name => shots && page.screenshot({path: path.join(shots, name + '.png')});

  await page.goto(`${server}/#token=${token}`);
  await page.getByRole('heading', {name: 'Drop a folder of pictures'}).waitFor();
  if (page.url().includes('token')) throw new Error('the token stays in the address');
  await shot('start');

  const session = await page.context().newCDPSession(page);
  const data = {items: [], files: [folder], dragOperationsMask: 1};
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await session.send('Input.dispatchDragEvent', {type, x: 400, y: 300, data});
  await page.getByRole('button', {name: /^Convert \d+ pictures? to WebP$/}).waitFor();
  await shot('choose');
  const button = page.getByRole('button', {name: /^Convert/});
  console.log((await button.textContent()).trim());
  await button.click();
  await page.locator('.sum .state').filter({hasText: /^Done/}).waitFor({timeout: 100_000});
  await shot('done');
  console.log((await page.locator('.sum .n').textContent()).trim());

  const saved = page.waitForEvent('download');
  await page.getByRole('button', {name: /^Download all/}).click();
  await (await saved).saveAs(out);
  await page.getByRole('button', {name: 'Table'}).click();
  await shot('table');
  await page.locator('.line a').last().click();
  await page.getByText('Nothing was lost.').waitFor();
  await page.waitForFunction(() => {
    const pictures = [...document.querySelectorAll('.beside img')];
    return pictures.length === 2 && pictures.every(p => p.naturalWidth > 0);
  });
  await shot('file');
  await page.getByRole('button', {name: 'Close'}).click();
  // A search that finds nothing says so, and leads back.
  await page.getByRole('searchbox', {name: 'Find a file'}).fill('no such file');
  await page.getByText('No file matches.').waitFor();
  await page.getByRole('button', {name: 'Show all'}).click();
  await page.locator('.line a').first().waitFor();
  // The list of batches, in German; the choice of the language stays.
  await page.getByRole('combobox', {name: 'Language'}).selectOption('de');
  await page.getByRole('link', {name: 'Stapel', exact: true}).click();
  await page.locator('a.batch').first().waitFor();
  await shot('list');
  await page.reload();
  await page.getByRole('heading', {name: 'Stapel'}).waitFor();
  // Deleting asks first, and then the batch is gone.
  await page.locator('a.batch').first().click();
  await page.getByRole('button', {name: 'Löschen'}).click();
  await page.getByRole('alertdialog').getByRole('button', {name: 'Löschen'}).click();
  await page.getByText('Noch keine Stapel.').waitFor();
  for (const fault of faults) console.log(fault);
  // Signing out forgets the token.
  await page.getByRole('button', {name: 'Abmelden'}).click();
  await page.getByRole('heading', {name: 'Anmelden'}).waitFor();
  await browser.close();
})().catch(e => {
  console.error(e);
  process.exit(1);
});
