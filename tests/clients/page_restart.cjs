// A person's page while the server dies and comes back: node page_restart.cjs SERVER TOKEN FOLDER COUNT
// Says `sending` and `converting` when it sees that, and how it ended; counts what was sent twice.
const {drop, launch, run, start, state, visit} = require('./page_tools.cjs');

const [server, token, folder, count] = process.argv.slice(2);

run(async shown => {
  const browser = await launch();
  const {page} = await visit(browser, 'about:blank', '');
  shown.page = page;
  const acknowledged = new Map();
  page.on('response', r => {
    if (r.request().method() !== 'PUT' || !r.ok()) return;
    acknowledged.set(r.url(), (acknowledged.get(r.url()) ?? 0) + 1);
  });
  let loads = 0;
  page.on('load', () => (loads += 1));
  await page.goto(`${server}/#token=${token}`);
  await start(page);
  await drop(page, folder);
  await page.getByRole('button', {name: /^Convert \d+ pictures to/}).click();
  await page.getByText(/of \d+ sent/).waitFor();
  console.log('sending');
  await state(page, 'Running');
  console.log('converting');
  await state(page, /^Done/);
  console.log((await page.locator('.sum .n').textContent()).trim());
  console.log(`${acknowledged.size} of ${count} sent, ${[...acknowledged.values()].filter(n => n > 1).length} twice, ${loads} loads`);
  await browser.close();
}, server, token);
