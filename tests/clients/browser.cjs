// The browser's own WebSocket and EventSource follow a batch to its end, each opened with a ticket;
// prints how many events each had: node browser.cjs SERVER TOKEN BATCH
const http = require('http');
const {chromium} = require('playwright-core');

const [server, token, batch] = process.argv.slice(2);

// Runs in the page.
async function follow({token, batch}) {
  const headers = {Authorization: 'Bearer ' + token};
  const ticket = async () =>
    (await (await fetch('/v1/tickets', {method: 'POST', headers})).json()).ticket;
  const counter = () => ({last: 0, count: 0, ended: false});
  const take = (of, event) => {
    if (event.volatile) return;
    if (event.prev !== of.last) throw new Error(`${event.seq} follows ${event.prev}, not ${of.last}`);
    of.last = event.seq;
    of.count += 1;
    of.ended = event.type === 'batch_finished';
  };
  const bySocket = async () => {
    const address = location.origin.replace('http', 'ws') + '/v1/events?ticket=' + (await ticket());
    const of = counter();
    await new Promise((done, failed) => {
      const socket = new WebSocket(address, 'darkroom.v1');
      socket.onopen = () =>
        socket.send(JSON.stringify({op: 'subscribe', id: 1, batch, after: 0}));
      socket.onmessage = (message) => {
        const words = JSON.parse(message.data);
        if (words.op === 'error') failed(new Error(words.detail));
        (words.events || []).forEach((event) => take(of, event));
        if (of.ended) socket.close(1000);
      };
      socket.onclose = (event) => (event.code === 1000 ? done() : failed(new Error(event.code)));
    });
    return of.count;
  };
  const byEventSource = async () => {
    const of = counter();
    const url = `/v1/batches/${batch}/events?ticket=`;
    await new Promise(async (done, failed) => {
      const source = new EventSource(url + (await ticket()));
      source.onmessage = (message) => {
        const event = JSON.parse(message.data);
        if (!event.volatile && message.lastEventId !== String(event.seq))
          failed(new Error('another id'));
        take(of, event);
        if (of.ended) {
          source.close();
          done();
        }
      };
      source.onerror = () => failed(new Error('the stream broke'));
    });
    return of.count;
  };
  // With the token among the subprotocols, and from where it must not come.
  const byToken = async () => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/v1/events',
      ['darkroom.v1', 'bearer.' + token]);
    const first = await new Promise((done, failed) => {
      socket.onmessage = (message) => done(JSON.parse(message.data).op);
      socket.onclose = failed;
    });
    socket.close();
    return first + ' ' + socket.protocol;
  };
  return [...(await Promise.all([bySocket(), byEventSource()])), await byToken()];
}

// Runs in a page of another server.
async function intrude({server, token}) {
  return new Promise((done) => {
    const socket = new WebSocket(server.replace('http', 'ws') + '/v1/events',
      ['darkroom.v1', 'bearer.' + token]);
    socket.onmessage = () => done('let in');
    socket.onclose = (event) => done('refused ' + event.code);
  });
}

(async () => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(server + '/v1/formats'); // any page of the server's
    const seen = await page.evaluate(follow, {token, batch});
    const other = http.createServer((_, answer) => answer.end('another server'));
    await new Promise((done) => other.listen(0, '127.0.0.1', done));
    await page.goto(`http://127.0.0.1:${other.address().port}/`);
    const intruder = await page.evaluate(intrude, {server, token});
    other.close();
    console.log([...seen, intruder].join('\n'));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
