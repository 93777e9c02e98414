// A person's page while the server dies and comes back: node page_restart.cjs SERVER TOKEN FOLDER COUNT
// Says `sending` and `converting` when it sees that, and how it ended; counts what was sent twice.
const {chromium} = require('playwright-core');

const [server, token, folder, count] = process.argv.slice(2);

let shown;
(async () => {
  const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});
  const page = await (await browser.newContext({locale: 'en-GB'})).newPage();
  shown = page;
  const acknowledged = new Map();
  page.on('response', r => {
    if (r.request().method() !== 'PUT' || !r.ok()) return;
    acknowledged.set(r.url(), (acknowledged.get(r.url()) ?? 0) + 1);
  });
  let loads = 0;
  page.on('load', () => (loads += 1));
  await page.goto(`${server}/#token=${token}`);
  await page.getByRole('heading', {name: 'Drop a folder of pictures'}).waitFor();
  const session = await page.context().newCDPSession(page);
  const data = {items: [], files: [folder], dragOperationsMask: 1};
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await session.send('Input.dispatchDragEvent', {type, x: 400, y: 300, data});
  await page.getByRole('button', {name: /^Convert \d+ pictures to/}).click();
  await page.getByText(/of \d+ sent/).waitFor();
  console.log('sending');
  await page.locator('.sum .state').filter({hasText: 'Running'}).waitFor({timeout: 100_000});
  console.log('converting');
  await page.locator('.sum .state').filter({hasText: /^Done/}).waitFor({timeout: 100_000});
  console.log((await page.locator('.sum .n').textContent()).trim());
  console.log(`${acknowledged.size} of ${count} sent, ${[...acknowledged.values()].filter(n => n > 1).length} twice, ${loads} loads`);
  await browser.close();
})().catch(async e => {
  console.error(e, await shown?.locator('main').innerText());
  process.exit(1);
});
