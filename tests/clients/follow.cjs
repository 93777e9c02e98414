// Follows a batch to its end with the `ws` package, checks that nothing is missing, and prints how
// many events it had: node follow.cjs SERVER TOKEN BATCH
const WebSocket = require('ws');

const [server, token, batch] = process.argv.slice(2);
const socket = new WebSocket(server.replace(/^http/, 'ws') + '/v1/events', 'darkroom.v1', {
  headers: {Authorization: 'Bearer ' + token},
});
let last = 0, count = 0;

function fail(why) {
  console.error(why);
  process.exit(1);
}

socket.on('open', () => {
  if (socket.protocol !== 'darkroom.v1') fail('another subprotocol');
  socket.send(JSON.stringify({op: 'subscribe', id: 1, batch, after: 0}));
});
socket.on('message', (data, isBinary) => {
  if (isBinary) fail('binary');
  const message = JSON.parse(data);
  if (message.op === 'error') fail(message.detail);
  if (message.op !== 'events') return;
  for (const event of message.events) {
    if (event.volatile) continue;
    if (event.prev !== last) fail(`${event.seq} follows ${event.prev}, not ${last}`);
    last = event.seq;
    count += 1;
    if (event.type === 'batch_finished') {
      console.log(count);
      socket.close(1000);
    }
  }
});
socket.on('close', (code) => process.exit(code === 1000 ? 0 : 1));
socket.on('error', fail);
