// The main flow in Firefox, over WebDriver BiDi: node page_firefox.cjs SERVER TOKEN FOLDER OUT
// Its files are picked: nothing can be dropped on it from outside. OUT: a folder for the download.
const fs = require('fs');
const path = require('path');
const puppeteer = require('puppeteer-core');

const [server, token, folder, out] = process.argv.slice(2);

const below = directory =>
  fs.readdirSync(directory, {withFileTypes: true}).flatMap(e => {
    const at = path.join(directory, e.name);
    return e.isDirectory() ? below(at) : [at];
  });
// A download has a part beside it until it is whole.
const saved = () => {
  const names = fs.readdirSync(out);
  return names.some(name => name.endsWith('.part')) ? [] : names.filter(name => fs.statSync(path.join(out, name)).size > 0);
};

(async () => {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: {
      'browser.download.folderList': 2,
      'browser.download.dir': out,
      'browser.download.useDownloadDir': true,
      'intl.accept_languages': 'en-GB',
    },
  });
  const page = await browser.newPage();
  page.on('pageerror', e => console.log(String(e)));
  page.on('console', m => m.type() === 'error' && console.log(m.text()));
  await page.goto(`${server}/#token=${token}`);
  await page.waitForSelector('.drop h1');
  // A file chooser cannot be answered over BiDi: its input is shown to the driver instead.
  await page.evaluate(() => {
    const click = HTMLInputElement.prototype.click;
    HTMLInputElement.prototype.click = function () {
      if (this.type !== 'file') return click.call(this);
      this.id = 'picker';
      document.body.append(this);
    };
  });
  await page.click('.drop .alt');
  await (await page.waitForSelector('#picker')).uploadFile(...below(folder));
  const convert = await page.waitForSelector('.side .go');
  console.log(await convert.evaluate(e => e.textContent));
  await page.waitForFunction(() => document.querySelector('.compare .after')?.naturalWidth > 0);
  await page.click('.side .go');
  await page.waitForFunction(() => /^Done/.test(document.querySelector('.sum .state')?.textContent ?? ''), {timeout: 60_000});
  console.log((await page.$eval('.sum .n', e => e.textContent)).trim());
  await page.click('.side .go');
  const deadline = Date.now() + 60_000;
  while (saved().length === 0 && Date.now() < deadline) await new Promise(look => setTimeout(look, 50));
  fs.renameSync(path.join(out, saved()[0]), path.join(out, 'all.zip'));
  await browser.close();
})().catch(e => {
  console.error(e);
  process.exit(1);
});
