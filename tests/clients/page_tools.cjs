// What the scripts that drive the page share.
const {chromium} = require('playwright-core');

exports.launch = () => chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']});

/**
 * A page of somebody's: with a context of its own, signed in by the address that the server prints. What goes wrong
 * in it is collected in `faults`, violations of the content security policy too.
 */
exports.visit = async (browser, server, token, options = {}) => {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}, acceptDownloads: true, locale: 'en-GB', ...options});
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', e => faults.push(String(e)));
  page.on('console', m => m.type() === 'error' && faults.push(m.text()));
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', e => console.error(`csp: ${e.violatedDirective} ${e.blockedURI}`)),
  );
  await page.goto(token ? `${server}/#token=${token}` : server);
  return {context, page, faults};
};

exports.start = page => page.getByRole('heading', {name: 'Drop a folder of pictures'}).waitFor();

/** Drops a folder from outside of the browser. */
exports.drop = async (page, folder) => {
  const session = await page.context().newCDPSession(page);
  const data = {items: [], files: [folder], dragOperationsMask: 1};
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await session.send('Input.dispatchDragEvent', {type, x: 300, y: 300, data});
};

/** Waits until the batch is in a state, by its word. */
exports.state = (page, word, timeout = 100_000) =>
  page.locator('.sum .state').filter({hasText: word}).waitFor({timeout});

/** Waits until the sample shows a result of the server's. */
exports.sampled = page =>
  page.waitForFunction(() => /** @type {HTMLImageElement | null} */ (document.querySelector('.compare .after'))?.naturalWidth > 0);

/** Runs a script; its fault is printed with what the page says, and what the server says where `server` is given. */
exports.run = (work, server = '', token = '') => {
  const shown = {};
  const answer = async path => {
    const answered = await fetch(`${server}${path}`, {headers: {Authorization: `Bearer ${token}`}});
    return answered.text();
  };
  work(shown).catch(async e => {
    console.error(e, await shown.page?.locator('#page').innerText().catch(() => ''));
    if (server)
      for (const path of ['/v1/batches?limit=5', '/readyz', '/metrics']) console.error(path, await answer(path).catch(String));
    process.exit(1);
  });
};
