// A person's page between which and the server something stands: node page_cut.cjs KIND SERVER TOKEN FOLDER
// Of each request of the API, the first answer is
//   cut          in the middle
//   bad_gateway  a proxy's page, as while the server is started again
//   sign_in      a page of the network's, as if it were the answer
const http = require('node:http');
const net = require('node:net');
const {drop, launch, run, start, state, visit} = require('./page_tools.cjs');

const [kind, server, token, folder] = process.argv.slice(2);
const {hostname, port} = new URL(server);

/** @type {Set<string>} requests whose first answer was not the server's */
const spoilt = new Set();
const pages = {bad_gateway: 502, sign_in: 200};

const proxy = http.createServer((request, answer) => {
  const what = `${request.method} ${request.url}`;
  const first = request.url.startsWith('/v1/') && !spoilt.has(what);
  if (first && kind in pages) {
    spoilt.add(what);
    request.resume().on('end', () => answer.writeHead(pages[kind], {'content-type': 'text/html'}).end('<h1>nginx</h1>'));
    return;
  }
  const onward = http.request({hostname, port, method: request.method, path: request.url, headers: request.headers}, came => {
    const body = [];
    came.on('data', piece => body.push(piece));
    came.on('end', () => {
      const all = Buffer.concat(body);
      const headers = {...came.headers};
      delete headers['transfer-encoding'];
      delete headers.connection;
      answer.writeHead(came.statusCode, {...headers, 'content-length': all.length});
      if (!first || all.length < 2) return answer.end(all);
      spoilt.add(what);
      answer.write(all.subarray(0, all.length / 2), () => answer.socket?.destroy());
    });
  });
  onward.on('error', () => answer.socket?.destroy());
  request.pipe(onward);
});
proxy.on('upgrade', (request, socket, head) => {
  const onward = net.connect(Number(port), hostname, () => {
    const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
    onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  for (const side of [socket, onward]) side.on('error', () => (socket.destroy(), onward.destroy()));
});

run(async shown => {
  await new Promise(ready => proxy.listen(0, '127.0.0.1', ready));
  const browser = await launch();
  const {page} = await visit(browser, `http://127.0.0.1:${proxy.address().port}`, token);
  shown.page = page;
  await start(page);
  await drop(page, folder);
  await page.getByRole('button', {name: /^Convert \d+ pictures to/}).click();
  await state(page, /^Done/);
  await page.getByText('Live').waitFor();
  console.log((await page.locator('.sum .n').textContent()).trim());
  for (const problem of await page.locator('.problem').allInnerTexts()) console.log(problem);
  await page.waitForFunction(() => document.querySelectorAll('.print img').length === 9);
  const asked = [...spoilt].map(what => what.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '{id}').replace(/\?.*/, ''));
  for (const request of ['GET /v1/me', 'GET /v1/formats', 'POST /v1/batches', 'POST /v1/batches/{id}/manifest', 'PATCH /v1/batches/{id}', 'POST /v1/batches/{id}/start', 'GET /v1/batches/{id}', 'GET /v1/batches/{id}/files', 'GET /v1/batches/{id}/files/0/thumbnail', 'POST /v1/tickets'])
    if (!asked.includes(request)) console.log(`not spoilt: ${request}`);
  console.log(`${asked.filter(request => request.startsWith('PUT ')).length} uploads`);
  await page.getByRole('link', {name: 'Batches'}).click();
  await page.locator('a.batch').first().waitFor();
  console.log(`${await page.locator('a.batch').count()} batch`);
  await browser.close();
  proxy.closeAllConnections();
  proxy.close();
}, server, token);
