// The page in a browser, as a person uses it: node page.cjs SERVER TOKEN FOLDER OUT SHOTS
// Drops the folder, converts it to WebP, downloads the ZIP to OUT; prints what it saw.
const path = require('path');
const {drop, launch, run, sampled, start, state, visit} = require('./page_tools.cjs');

const [server, token, folder, out, shots] = process.argv.slice(2);

run(async shown => {
  const browser = await launch();
  const {page, faults} = await visit(browser, server, token);
  shown.page = page;
  const shot = name => shots && page.screenshot({path: path.join(shots, name + '.png')});
  await start(page);
  if (page.url().includes('token')) throw new Error('the token stays in the address');
  await shot('start');

  await drop(page, folder);
  await page.getByRole('button', {name: /^Convert \d+ pictures? to WebP$/}).waitFor();
  await page.getByText('1 file is no picture that Darkroom reads and stays behind').waitFor();
  // The sample is the server's own result, and follows the controls.
  await sampled(page);
  const bytes = () => page.locator('.sample .cap span').last().innerText();
  await page.waitForFunction(() => /After [\d.]+ /.test(document.querySelector('.sample .cap')?.innerText ?? ''));
  const before = await bytes();
  await page.getByRole('slider', {name: 'Quality'}).fill('5');
  await page.waitForFunction(was => document.querySelector('.sample .cap span:last-child')?.innerText !== was, before);
  await page.getByRole('slider', {name: 'Quality'}).fill('80');
  await page.getByRole('button', {name: '1:1'}).click();
  await page.locator('.compare.full .after').waitFor();
  await page.getByRole('button', {name: '1:1'}).click();
  await page.locator('.print .pick').nth(2).click();
  await page.locator('.print .pick[aria-pressed=true]').nth(0).waitFor();
  await sampled(page);
  await shot('choose');
  const button = page.getByRole('button', {name: /^Convert/});
  console.log((await button.textContent()).trim());
  await button.click();
  await state(page, /^Done/);
  await shot('done');
  console.log((await page.locator('.sum .n').textContent()).trim());

  const saved = page.waitForEvent('download');
  await page.getByRole('button', {name: /^Download ZIP/}).click();
  await (await saved).saveAs(out);
  await page.getByRole('button', {name: 'Table'}).click();
  await shot('table');
  await page.locator('.line a').last().click();
  await page.getByText('nothing was lost.').waitFor();
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
});
