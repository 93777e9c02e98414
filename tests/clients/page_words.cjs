// What people read when something happens: node page_words.cjs CASE SERVER TOKEN FOLDER [MORE]
// Each case ends when the page says what it has to say; a case that prints nothing has failed.
const {drop, launch, run, sampled, start, state, visit} = require('./page_tools.cjs');

const [which, server, token, folder, more] = process.argv.slice(2);

const says = (page, text) => page.getByText(text).first().waitFor({timeout: 60_000});
const press = (page, name) => page.getByRole('button', {name, exact: typeof name === 'string'}).click();
const convert = async page => {
  await start(page);
  await drop(page, folder);
  await press(page, /^Convert/);
};
const api = (method, path, body) =>
  fetch(server + path, {method, headers: {Authorization: `Bearer ${token}`, ...(body ? {'Content-Type': 'application/json'} : {})}, body: body && JSON.stringify(body)});

const cases = {
  // A batch is paused, changed, resumed, cancelled and taken up again.
  async control(page) {
    await convert(page);
    await state(page, 'Running');
    await press(page, 'Pause at once');
    await state(page, 'Paused');
    if (!(await page.getByRole('button', {name: 'Resume'}).isVisible())) throw new Error('nothing resumes');
    await page.getByRole('slider', {name: 'Quality'}).fill('31');
    await press(page, 'Use for all that is not done');
    await says(page, 'Changed for all that is not done.');
    await press(page, 'Undo');
    await page.waitForFunction(() => !document.body.innerText.includes('Changed for all'));
    await page.getByText('Name, tags and priority').click();
    await page.getByRole('combobox', {name: 'Priority among your batches'}).selectOption('9');
    await page.getByRole('textbox', {name: 'Tags, with commas between them'}).fill('one, two');
    await page.keyboard.press('Tab');
    await press(page, 'Resume');
    await state(page, 'Running');
    await says(page, /^Now:/);
    await press(page, 'Cancel');
    await state(page, 'Cancelled');
    await says(page, 'Cancelled. What is done stays.');
    await press(page, 'Undo');
    await state(page, /^Done/);
    await page.getByText(/^Now:/).waitFor({state: 'detached'});
    const id = new URL(page.url()).hash.split('/')[2];
    const batch = await (await api('GET', `/v1/batches/${id}`)).json();
    console.log(`quality ${batch.spec.outputs[0].quality}, priority ${batch.priority}, tags ${batch.tags}`);
  },
  // While a batch runs, its name and tags are typed: the page is drawn again with each event, and what is typed stays.
  async typed(page) {
    await convert(page);
    await state(page, 'Running');
    await page.getByText('Name, tags and priority').click();
    const tags = page.getByRole('textbox', {name: 'Tags, with commas between them'});
    const before = await page.locator('.sum .n').evaluate(e => parseInt(e.textContent));
    await tags.fill('one, two');
    await page.waitForFunction(n => parseInt(document.querySelector('.sum .n').textContent) > n, before, {timeout: 60_000});
    await page.keyboard.type(', three');
    // The server refuses it: the page says so, and what was typed can be sent again as it is.
    const isChange = request => request.method() === 'PATCH';
    await page.route(/\/v1\/batches\/[^/]+$/, route => (isChange(route.request()) ? route.abort() : route.continue()));
    await page.keyboard.press('Tab');
    await says(page, 'The server cannot be reached.');
    await page.unroute(/\/v1\/batches\/[^/]+$/);
    const changed = page.waitForResponse(r => isChange(r.request()));
    await tags.press('Enter');
    await changed;
    const id = new URL(page.url()).hash.split('/')[2];
    const batch = await (await api('GET', `/v1/batches/${id}`)).json();
    console.log(`${batch.tags}, ${await tags.inputValue()}`);
  },
  // While a batch runs, with a picture that fails, no filter moves; on a narrow screen they are one row that scrolls.
  async filters(page) {
    await start(page);
    await drop(page, folder);
    await page.getByRole('combobox', {name: 'Longest side'}).selectOption('800');
    for (const [mode, about] of [['Fill', 'A square that the picture fills'], ['Pad', 'A square with the whole picture'], ['Fit', 'The whole picture, in its own shape']]) {
      const button = page.getByRole('button', {name: mode, exact: true});
      await button.click();
      await page.getByText(about).waitFor();
      const told = await button.evaluate(e => document.getElementById(e.getAttribute('aria-describedby'))?.textContent);
      if (!told?.startsWith(about)) throw new Error(`${mode} is described by: ${told}`);
    }
    await press(page, /^Convert/);
    await state(page, 'Running');
    await page.evaluate(() => {
      window.moved = [];
      const places = () =>
        [...document.querySelectorAll('.tools .chip, .tools select, .tools .find, .tools .seg')].map(e => {
          const {left, top, width} = e.getBoundingClientRect();
          return [e.firstChild?.nodeValue ?? e.getAttribute('aria-label') ?? e.className, Math.round(left), Math.round(top), Math.round(width)].join(' ');
        });
      const first = places();
      const look = () => {
        const now = places();
        window.over = window.moved.length > 0 || /^Done/.test(document.querySelector('.sum .state').textContent);
        if (window.over) return;
        for (const place of first) if (!now.includes(place)) window.moved.push(`${place}: ${now.join(', ')}`);
        requestAnimationFrame(look);
      };
      look();
    });
    await page.waitForFunction(() => window.over, null, {timeout: 100_000});
    const moved = await page.evaluate(() => window.moved);
    if (moved.length > 0) throw new Error(`moved: ${moved[0]}`);
    await state(page, 'Done, with failures');
    await page.setViewportSize({width: 320, height: 640});
    const row = await page.evaluate(() => {
      const chips = document.querySelector('.chips');
      const tops = new Set([...chips.children].map(e => Math.round(e.getBoundingClientRect().top)));
      chips.scrollLeft = 1000;
      return {rows: tops.size, scrolls: chips.scrollLeft > 0, wide: document.scrollingElement.scrollWidth > innerWidth};
    });
    console.log(JSON.stringify(row));
  },
  // One picture is damaged: why, and again.
  async retry(page) {
    await convert(page);
    await state(page, 'Done, with failures');
    await page.locator('.print.bad > p').filter({hasText: 'The picture is cut off. Drop a whole copy.'}).waitFor();
    await page.getByRole('combobox', {name: 'Reasons'}).selectOption('truncated_input');
    await press(page, 'Retry 1 shown');
    await state(page, 'Done, with failures');
    await page.getByRole('combobox', {name: 'Reasons'}).selectOption('');
    await press(page, 'Retry 1 failed');
    await state(page, 'Done, with failures');
    await page.getByRole('searchbox', {name: 'Find a file'}).fill('damaged');
    await page.locator('.print.bad').waitFor();
    await page.locator('.print.bad a').click();
    await page.getByRole('alert').waitFor();
    console.log(await page.getByRole('alert').innerText());
  },
  // The token ends while a batch runs; with another one, it goes on.
  async expiry(page) {
    await convert(page);
    await state(page, 'Running');
    const revoked = await api('DELETE', `/v1/admin/tokens/${token.split('_')[1]}`);
    if (!revoked.ok) throw new Error(`not revoked: ${revoked.status}`);
    await says(page, 'Your token has ended. Enter a new one, and everything goes on where it stopped.');
    await page.getByRole('textbox', {name: 'Token'}).fill('dr_wrong_token');
    await press(page, 'Sign in');
    await says(page, 'The server does not know this token.');
    await page.getByRole('textbox', {name: 'Token'}).fill(more);
    await press(page, 'Sign in');
    await state(page, /^Done/);
    console.log('done');
  },
  async offline(page) {
    await convert(page);
    await state(page, 'Running');
    await page.context().setOffline(true);
    await says(page, 'Offline. Everything goes on by itself when the server can be reached.');
    await page.context().setOffline(false);
    await says(page, 'Live');
    await state(page, /^Done/);
    console.log('done');
  },
  // The quota is used up by another batch; when that is gone, the same drop goes on.
  async quota(page) {
    const other = await (await api('POST', '/v1/batches', {spec: {outputs: [{format: 'webp'}]}})).json();
    await start(page);
    await drop(page, folder);
    await says(page, /^Your quota is used up: .* Delete batches that you no longer need, or ask the administrator\.$/);
    await api('DELETE', `/v1/batches/${other.id}?cancel=true`);
    await press(page, /^Convert/);
    await state(page, /^Done/);
    console.log('done');
  },
  // One file has more bytes than the server takes: told beside its name, the others are converted.
  async large(page) {
    await convert(page);
    await says(page, /large\.png: Refused: Too large: /);
    await state(page, /^Done/);
    console.log(await page.locator('.names li').first().innerText());
  },
  async disk(page) {
    await start(page);
    await drop(page, folder);
    await says(page, 'The server\'s disk is full. The upload goes on by itself when there is room; tell the administrator.');
    console.log('told');
  },
  async workers(page) {
    await convert(page);
    await says(page, 'Waits for a machine that converts. Tell the administrator if this lasts.');
    console.log('told');
  },
  // The server is not there when the page begins to ask; then it is.
  async unreachable(page) {
    await start(page);
    await page.route('**/v1/**', route => route.abort());
    await page.reload();
    await says(page, 'The server cannot be reached. It is tried again by itself.');
    await page.unroute('**/v1/**');
    await start(page);
    console.log('there');
  },
  // The server goes while lists are read: each says what it waits for, and comes by itself.
  async waits(page) {
    await start(page);
    await page.route('**/v1/**', route => route.fulfill({status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>'}));
    await page.getByRole('link', {name: 'Batches'}).click();
    await page.getByRole('status').filter({hasText: 'The server cannot be reached. It is tried again by itself.'}).waitFor();
    await page.unroute('**/v1/**');
    await says(page, 'No batches yet.');
    await page.getByRole('status').filter({hasText: 'cannot be reached'}).waitFor({state: 'detached'});
    // Refused for good, that is said as well; so is a file that is not there.
    await page.route('**/v1/batches?**', route => route.fulfill({status: 400, contentType: 'application/problem+json', body: '{"title":"No such parameter","detail":"q","code":"bad_parameter"}'}));
    await page.getByRole('searchbox', {name: 'Find a batch'}).fill('x');
    await says(page, 'No such parameter. q');
    await page.unroute('**/v1/batches?**');
    const {id} = await (await api('POST', '/v1/batches', {spec: {outputs: [{format: 'webp'}]}})).json();
    await page.goto(`${server}/#/b/${id}/f/7`);
    await says(page, 'This file is not in the batch any more.');
    await press(page, 'Close');
    await state(page, 'Not started');
    console.log('told');
  },
  // A drop is given up while its batch waits for the server: then it is not started, and discarded.
  async given_up(page) {
    await start(page);
    await drop(page, folder);
    await sampled(page);
    const isChange = request => request.method() === 'PATCH';
    await page.route(/\/v1\/batches\/[^/]+$/, route => (isChange(route.request()) ? route.abort() : route.continue()));
    await press(page, /^Convert/);
    await says(page, 'The server cannot be reached. It is tried again by itself.');
    const discarded = page.waitForResponse(r => r.request().method() === 'DELETE');
    await press(page, 'Drop something else');
    await discarded;
    await start(page);
    const {batches} = await (await api('GET', '/v1/batches')).json();
    console.log(`${batches.length} batches`);
  },
};

run(async shown => {
  const browser = await launch();
  const {page} = await visit(browser, server, token);
  shown.page = page;
  await cases[which](page);
  await browser.close();
});
