// A laptop sleeps while a batch runs: node page_sleep.cjs SERVER TOKEN FOLDER SILENCE_MS
// Between the page and the server is a relay that loses everything while the machine sleeps, and that afterwards resets
// what the server has given up meanwhile, as its kernel would. The page is frozen for as long. Then it has to show the
// right end, without having been loaded again. Prints that.
const net = require('net');
const {drop, launch, run, start, state, visit} = require('./page_tools.cjs');

const [server, token, folder, silence] = process.argv.slice(2);
const {hostname, port} = new URL(server);

/** A relay to the server, on a port of its own. */
async function relay() {
  const pairs = new Set();
  let suspended = false;
  let dead = 0; // given up by the server, which the page cannot know
  const listener = net.createServer(client => {
    if (suspended) return client.destroy();
    const upstream = net.connect(Number(port), hostname);
    const pair = {client, upstream, gone: false};
    pairs.add(pair);
    client.on('data', data => {
      if (suspended) return;
      if (pair.gone) client.resetAndDestroy();
      else upstream.write(data);
    });
    upstream.on('data', data => {
      if (!suspended && !pair.gone) client.write(data);
    });
    const lost = () => {
      if (pair.gone) return;
      pair.gone = true;
      if (suspended) dead += 1;
      else client.destroy();
    };
    upstream.on('close', lost);
    upstream.on('error', lost);
    const left = () => {
      pairs.delete(pair);
      upstream.destroy();
    };
    client.on('close', left);
    client.on('error', left);
  });
  await new Promise(listening => listener.listen(0, '127.0.0.1', listening));
  return {
    address: `http://127.0.0.1:${listener.address().port}`,
    suspend() {
      suspended = true;
    },
    // Whatever was on its way is lost, in both directions: no connection of before can go on.
    resume() {
      for (const pair of pairs) {
        pair.gone = true;
        pair.upstream.destroy();
      }
      suspended = false;
    },
    dead: () => dead,
    close() {
      listener.close();
      for (const {client} of pairs) client.destroy();
    },
  };
}

const api = async path => (await fetch(server + path, {headers: {Authorization: `Bearer ${token}`}})).json();

run(async shown => {
  const wire = await relay();
  const browser = await launch();
  const {page} = await visit(browser, 'about:blank', '');
  shown.page = page;
  let loads = 0;
  page.on('load', () => (loads += 1));
  await page.goto(`${wire.address}/#token=${token}`);
  await start(page);
  await drop(page, folder);
  await page.getByRole('button', {name: /^Convert/}).click();
  await state(page, 'Running');
  await page.locator('.sum small').filter({hasText: /of \d+ done/}).waitFor();
  await page.getByText('Live').waitFor();
  const id = new URL(page.url()).hash.split('/')[2];

  const session = await page.context().newCDPSession(page);
  wire.suspend();
  await session.send('Page.setWebLifecycleState', {state: 'frozen'});
  const began = Date.now();
  // Until all is done, and the server has given up the feed of a client that does not answer.
  for (;;) {
    const batch = await api(`/v1/batches/${id}`);
    if (batch.state.startsWith('completed') && wire.dead() > 0 && Date.now() - began > Number(silence)) break;
    if (Date.now() - began > 150_000) throw new Error(`${batch.state}, ${wire.dead()} connections given up`);
    await new Promise(go => setTimeout(go, 200));
  }
  wire.resume();
  await session.send('Page.setWebLifecycleState', {state: 'active'});
  const woke = Date.now();
  await state(page, /^Done/, 60_000);
  await page.getByText('Live').waitFor({timeout: 30_000});
  console.error(`right after ${Date.now() - woke} ms`);
  const batch = await api(`/v1/batches/${id}`);
  const done = await page.locator('.sum .n').textContent();
  // The numbers of the filters come with the next answer, shortly after the state.
  const chip = page.getByRole('button', {name: new RegExp(`^Done\\s*${batch.files.completed}$`)});
  const right = await chip.waitFor({timeout: 30_000}).then(() => true, () => false);
  console.log(`${done.trim()}, ${right}, ${loads} load`);
  await browser.close();
  wire.close();
});
