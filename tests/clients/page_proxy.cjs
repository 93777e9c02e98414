// The page behind a proxy that has TLS and signs people in: node page_proxy.cjs PROXY FOLDER OUT
const {drop, launch, run, sampled, start, state, visit} = require('./page_tools.cjs');

const [proxy, folder, out] = process.argv.slice(2);

run(async shown => {
  const browser = await launch();
  const {page, faults} = await visit(browser, proxy, '', {ignoreHTTPSErrors: true, httpCredentials: {username: 'ann', password: 'secret'}});
  shown.page = page;
  const sockets = [];
  page.on('websocket', socket => sockets.push(socket));
  await start(page); // nobody is asked for a token
  await drop(page, folder);
  await sampled(page);
  await page.getByRole('button', {name: /^Convert/}).click();
  await page.getByText('Live').waitFor();
  await state(page, /^Done/);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', {name: /^Download ZIP/}).click();
  await (await saved).saveAs(out);
  console.log(`${await page.locator('.who').getAttribute('title')}, ${sockets.length} socket, ${new URL(sockets[0].url()).protocol}`);
  console.log((await page.locator('.sum .n').textContent()).trim());
  if (await page.getByRole('button', {name: 'Sign out'}).count()) console.log('signs out of nothing');
  for (const fault of faults) console.log(fault);
  await browser.close();
});
