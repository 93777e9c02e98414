"""Tries a server through a proxy from Debian, configured as docs/proxies says: uploads, refusals of uploads that are
under way, server-sent events, a WebSocket, a ZIP that is resumed, and the proxy's own health check.

  proxies.py direct|nginx|haproxy|caddy SERVER TOKEN DATA [COUNT]   COUNT: of each refusal with each client
  proxies.py oauth2-proxy SERVER                                    SERVER believes X-User of 127.0.0.1

SERVER was started with work.input_bytes_max=SMALLER_MAX and quota.queued_files=4; DATA is its data folder, whose
journal is moved away for the refusals with 503. Prints one line for each thing that was tried, and ends with 1 at
the first that is wrong. Uses curl, openssl, unzip, Debian's python3-websockets, and node
with undici; scripts/packages.sh gets them and the proxies."""
import asyncio
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import random
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib

import websockets

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
LARGE = 50 * 1000 * 1000
SMALLER_MAX = 52 * 1024 * 1024  # what the server takes
TOO_LARGE = 60 * 1000 * 1000
DEADLINE_S = 60

UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


def check(condition, *seen):
    if not condition:
        raise SystemExit('wrong: ' + ' '.join(str(one) for one in seen))


def comes_true(what, condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        check(time.monotonic() < end, 'never came true:', what)


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(('127.0.0.1', port)) == 0


def png(size, seed):
    """A picture of 16x16 random pixels; what is missing to `size` bytes follows its end."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    noise = random.Random(seed)
    rows = b''.join(b'\0' + noise.randbytes(48) for _ in range(16))
    image = (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 16, 16, 8, 2, 0, 0, 0)) +
             chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
    return image + noise.randbytes(size - len(image))


class Client:
    """One connection for each request: what a proxy does to one does not hide in the next."""

    def __init__(self, base, headers):
        self.base = urllib.parse.urlsplit(base)
        self.headers = headers

    def open(self, method, path, body=None, headers=None):
        kind = http.client.HTTPSConnection if self.base.scheme == 'https' else http.client.HTTPConnection
        more = {'context': UNVERIFIED} if self.base.scheme == 'https' else {}
        connection = kind(self.base.hostname, self.base.port, timeout=DEADLINE_S, **more)
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        return connection, connection.getresponse()

    def send(self, method, path, body=None, headers=None, wanted=(200, 201, 202, 204, 206)):
        if isinstance(body, (dict, list)):
            body, headers = json.dumps(body), {'Content-Type': 'application/json', **(headers or {})}
        connection, answer = self.open(method, path, body, headers)
        with contextlib.closing(connection):
            data = answer.read()
            check(answer.status in wanted, method, path, answer.status, data[:300])
            return answer, data

    def json(self, method, path, body=None, **more):
        return json.loads(self.send(method, path, body, **more)[1])


def configuration(folder, kind, upstream, port, health):
    """The text of docs/proxies, with the addresses and files of this run; `health` replaces how often it is checked."""
    name, replaced = {
        'nginx': ('nginx.conf', []),
        'oauth2-proxy': ('nginx-oauth2-proxy.conf', []),
        'haproxy': ('haproxy.cfg', [('inter 5s fall 3', 'inter %s fall %s' % health)]),
        'caddy': ('Caddyfile', [('health_interval 5s', 'health_interval ' + health[0])]),
    }[kind]
    replaced += {
        'nginx': [('listen 443', 'listen 127.0.0.1:%d' % port)],
        'oauth2-proxy': [('listen 443', 'listen 127.0.0.1:%d' % port)],
        'haproxy': [('bind :443', 'bind 127.0.0.1:%d' % port)],
        'caddy': [('photos.example {', 'https://127.0.0.1:%d {' % port)],
    }[kind]
    replaced += [('/etc/darkroom/', folder + '/'), ('127.0.0.1:8080', upstream)]
    with open(os.path.join(TOP, 'docs', 'proxies', name), encoding='utf-8') as file:
        text = file.read()
    for old, new in replaced:
        check(old in text, name, 'has no', old)
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def proxy(kind, upstream, health=('1h', '1000'), change=lambda text: text):
    """Runs one in front of HOST:PORT, and gives its address."""
    folder = tempfile.mkdtemp(prefix='darkroom-proxy-')
    port = free_port()

    def write(name, text):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(text)
        return os.path.join(folder, name)

    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder + '/tls.key', '-out',
                    folder + '/tls.pem'], check=True, stderr=subprocess.DEVNULL)
    with open(folder + '/tls.pem', encoding='ascii') as pem, open(folder + '/tls.key', encoding='ascii') as key:
        write('tls-with-key.pem', pem.read() + key.read())
    site = change(configuration(folder, kind, upstream, port, health))
    if kind in ('nginx', 'oauth2-proxy'):
        temporary = ''.join('%s_temp_path %s/%s; ' % (one, folder, one)
                            for one in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        write('site.conf', site)
        main = write('nginx.conf', 'daemon off;\npid %s/pid;\nerror_log %s/error.log;\nevents {}\nhttp {\naccess_log off;\n'
                     '%s\ninclude %s/site.conf;\n}\n' % (folder, folder, temporary, folder))
        words = [TOP + '/build/nginx/usr/sbin/nginx', '-p', folder, '-e', folder + '/error.log', '-c', main]
        if os.geteuid() == 0:  # its workers read what this folder keeps from others
            words += ['-g', 'user root;']
    elif kind == 'haproxy':
        words = [TOP + '/build/haproxy/usr/sbin/haproxy', '-f', write('haproxy.cfg', site)]
    else:
        # Without its port for administration and without the listener at port 80.
        options = '{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n'
        words = [TOP + '/build/caddy/usr/bin/caddy', 'run', '--adapter', 'caddyfile', '--config',
                 write('Caddyfile', options + site)]
    environment = {**os.environ, 'HOME': folder, 'XDG_DATA_HOME': folder, 'XDG_CONFIG_HOME': folder}
    with open(folder + '/out', 'w', encoding='utf-8') as out:
        running = subprocess.Popen(words, stdout=out, stderr=out, env=environment)
    try:
        comes_true(kind + ' listens', lambda: running.poll() is not None or listens(port))
        if running.poll() is not None:
            with open(folder + '/out', encoding='utf-8') as out:
                raise SystemExit(kind + ' does not run: ' + out.read())
        yield 'https://127.0.0.1:%d' % port
    finally:
        running.terminate()
        running.wait(DEADLINE_S)
        shutil.rmtree(folder)


def try_uploads(client, batch):
    for path, size in (('a folder/small.png', 1024), ('large.png', LARGE)):
        bytes_sent = png(size, size)
        url = '/v1/batches/%s/files/%s' % (batch, urllib.parse.quote(path))
        _, data = client.send('PUT', url, bytes_sent, wanted=(201,))
        added = json.loads(data)
        check(added['path'] == path and added['bytes'] == size, added)
        check(added['sha256'] == hashlib.sha256(bytes_sent).hexdigest(), path, 'arrived changed')
        # Without a length, in chunks.
        pieces = (bytes_sent[at:at + 65536] for at in range(0, size, 65536))
        client.send('PUT', url, pieces, wanted=(200,))
        _, back = client.send('GET', '/v1/batches/%s/files/%d/input' % (batch, added['index']))
        check(back == bytes_sent, path, 'came back changed')
        print('upload of %d bytes, with and without a length, and back' % size)


class Server_sent_events:
    def __init__(self, client, batch):
        self.connection, self.answer = client.open('GET', '/v1/batches/%s/events?after=0' % batch,
                                                   headers={'Accept': 'text/event-stream'})
        check(self.answer.status == 200, self.answer.status)

    def close(self):
        self.answer.close()  # it has the socket, too
        self.connection.close()

    def wait_for(self, kind):
        """Until an event of this type has come."""
        while True:
            line = self.answer.readline()
            check(line, 'the stream of events ended before', kind)
            if line.startswith(b'data:') and json.loads(line[5:])['type'] == kind:
                return


async def wait_for_message(connection, kind):
    while True:
        message = json.loads(await asyncio.wait_for(connection.recv(), DEADLINE_S))
        check(message['op'] != 'error', message)
        if kind == message['op'] or any(event['type'] == kind for event in message.get('events', [])):
            return


async def follow(base, headers, client, batch):
    """Each event is waited for before the next one is caused: one that a proxy keeps back is never seen."""
    address = base.replace('http', 'ws', 1) + '/v1/events'
    tls = {'ssl': UNVERIFIED} if address.startswith('wss') else {}
    stream = Server_sent_events(client, batch)
    async with websockets.connect(address, subprotocols=['darkroom.v1'], extra_headers=headers, **tls) as connection:
        await connection.send(json.dumps({'op': 'subscribe', 'id': 1, 'batch': batch, 'after': 0}))
        await wait_for_message(connection, 'ok')
        stream.wait_for('batch_created')
        for name in ('one', 'two', 'three'):
            client.send('PATCH', '/v1/batches/' + batch, {'name': name})
            await wait_for_message(connection, 'details_changed')
            stream.wait_for('details_changed')
        client.send('POST', '/v1/batches/%s/start' % batch)
        await wait_for_message(connection, 'batch_finished')
        stream.wait_for('batch_finished')
    stream.close()
    print('server-sent events and a WebSocket: each event came before the next was caused')


def try_zip(client, batch):
    path = '/v1/batches/%s/results.zip' % batch
    answer, whole = client.send('GET', path)
    tag = answer.headers['ETag']
    check(int(answer.headers['Content-Length']) == len(whole), answer.headers)
    first, begin = client.send('GET', path, headers={'Range': 'bytes=0-99'}, wanted=(206,))
    check(first.headers['Content-Range'] == 'bytes 0-99/%d' % len(whole), first.headers)
    resumed = {'Range': 'bytes=100-', 'If-Range': tag}
    _, rest = client.send('GET', path, headers=resumed, wanted=(206,))
    check(begin + rest == whole, 'the parts of the ZIP are not the whole')
    _, other = client.send('GET', path, headers={**resumed, 'If-Range': '"another"'}, wanted=(200,))
    check(other == whole, 'another ZIP')
    with tempfile.NamedTemporaryFile(suffix='.zip') as file:
        file.write(whole)
        file.flush()
        tested = subprocess.run(['unzip', '-t', file.name], capture_output=True, text=True, check=False)
        check(tested.returncode == 0, tested.stdout, tested.stderr)
    print('a ZIP of %d bytes, resumed' % len(whole))


def refusals_by_curl(url, token, file, count, extra):
    seen = {}
    for _ in range(count):
        with tempfile.NamedTemporaryFile() as body:
            words = ['curl', '-sk', '-m', str(DEADLINE_S), '-o', body.name, '-w', '%{http_code} %{content_type}',
                     '-H', 'Expect:', *extra, '-T', file, url]
            words += ['-H', 'Authorization: Bearer ' + token] if token else []
            out = subprocess.run(words, capture_output=True, text=True, check=False)
            try:
                code = json.load(body)['code']
            except (ValueError, KeyError):
                code = 'no problem'
        answer = '%s %s%s' % (out.stdout, code, '' if out.returncode == 0 else ' curl: %d' % out.returncode)
        seen[answer] = seen.get(answer, 0) + 1
    return seen


def refusals_by_undici(url, token, file, count):
    script = os.path.join(TOP, 'tests', 'clients', 'refused_upload.cjs')
    out = subprocess.run(['/usr/bin/node', script, url, token or '-', file, str(count)], capture_output=True, text=True,
                         check=False, env={**os.environ, 'NODE_PATH': TOP + '/build/npm/node_modules'})
    check(out.returncode == 0, out.stdout, out.stderr)
    return json.loads(out.stdout)


@contextlib.contextmanager
def journal_away(data, server, path):
    """The server notices that its journal's folder is gone, and refuses; when it is back, it goes on."""
    def status_of(method, path, body=None):
        connection, answer = server.open(method, path, body)
        with contextlib.closing(connection):
            answer.read()
            return answer.status
    os.rename(data + '/journal', data + '/journal.away')
    try:
        # An upload that is under way when the journal goes waits for it for 20 seconds.
        comes_true('the server is not ready', lambda: status_of('GET', '/readyz') == 503)
        comes_true('uploads are 503', lambda: status_of('PUT', path, png(900, 1)) == 503)
        yield
    finally:
        os.rename(data + '/journal.away', data + '/journal')
        comes_true('uploads are no longer 503', lambda: status_of('PUT', path, png(900, 1)) != 503)


def try_refusals(base, server, tokens, data, count):
    """Uploads that are refused while their bytes are coming: the client sees why, each time."""
    ann = Client(server, {'Authorization': 'Bearer ' + tokens['ann']})
    bob = Client(server, {'Authorization': 'Bearer ' + tokens['bob']})
    batch = new_batch(ann)
    full = new_batch(bob)
    for n in range(4):
        bob.send('PUT', '/v1/batches/%s/files/%d.png' % (full, n), png(900 + n, n))
    unknown = batch[:-4] + ('0000' if batch[-4:] != '0000' else '1111')
    path = '/v1/batches/%s/files/%s.png'
    cases = [('401 unauthorized', path % (batch, 'a'), None, LARGE),
             ('404 not_found', path % (unknown, 'a'), tokens['ann'], LARGE),
             ('413 too_large', path % (batch, 'a'), tokens['ann'], TOO_LARGE),
             ('429 quota_exceeded', path % (full, 'a'), tokens['bob'], LARGE),
             ('503', path % (batch, 'a'), tokens['ann'], LARGE)]
    with tempfile.NamedTemporaryFile(suffix='.png') as file:
        file.write(png(TOO_LARGE, 5))
        file.flush()
        for wanted, url, token, size in cases:
            os.truncate(file.name, size)
            away = journal_away(data, ann, path % (batch, 'small')) if wanted == '503' else contextlib.nullcontext()
            with away:
                for client, seen in (
                        ('curl', refusals_by_curl(base + url, token, file.name, count, [])),
                        ('curl, chunked', refusals_by_curl(base + url, token, file.name, count,
                                                           ['-H', 'Transfer-Encoding: chunked'])),
                        ('undici', refusals_by_undici(base + url, token, file.name, count))):
                    print('%s, %s: %s' % (wanted, client, json.dumps(seen)))
                    status, _, code = wanted.partition(' ')
                    for answer in seen:
                        words = answer.split()
                        check(words[0] == status and words[1].startswith('application/problem+json') and
                              len(words) == 3 and (not code or words[2] == code), wanted, client, seen)


def new_batch(client):
    spec = {'outputs': [{'format': 'webp', 'lossless': True}]}
    return client.json('POST', '/v1/batches', {'spec': spec})['id']


def try_health(kind, upstream, data):
    """A server that is not ready gets no requests of the proxy, and gets them again."""
    with proxy(kind, upstream, ('100ms', '1')) as base:
        through = Client(base, {})

        def status():
            connection, answer = through.open('GET', '/v1/formats')
            with contextlib.closing(connection):
                return answer.status
        comes_true('the proxy passes on', lambda: status() == 200)
        os.rename(data + '/journal', data + '/journal.away')
        try:
            comes_true('the proxy has seen /readyz fail', lambda: status() == 503)
        finally:
            os.rename(data + '/journal.away', data + '/journal')
        comes_true('the proxy has seen /readyz succeed', lambda: status() == 200)
    print('the health check')


def run_all(kind, server, admin_token, data, count):
    upstream = urllib.parse.urlsplit(server).netloc
    admin = Client(server, {'Authorization': 'Bearer ' + admin_token})
    # Other users each time: the quotas of earlier ones may be used up.
    tokens = {user: admin.json('POST', '/v1/admin/tokens', {'user': '%s-%d' % (user, os.getpid())})['token']
              for user in ('ann', 'bob')}
    headers = {'Authorization': 'Bearer ' + tokens['ann']}
    with contextlib.nullcontext(server) if kind == 'direct' else proxy(kind, upstream) as base:
        ann = Client(base, headers)
        comes_true('the proxy passes on', lambda: ann.open('GET', '/v1/me')[1].status == 200)
        batch = new_batch(ann)
        try_uploads(ann, batch)
        asyncio.run(follow(base, headers, ann, batch))
        check(ann.json('GET', '/v1/batches/' + batch)['state'] == 'completed', 'it did not complete')
        try_zip(ann, batch)
        try_refusals(base, server, tokens, data, count)
    if kind in ('haproxy', 'caddy'):
        try_health(kind, upstream, data)


class Oauth2_proxy(http.server.BaseHTTPRequestHandler):
    """What nginx and a browser see of oauth2-proxy: /oauth2/auth says who a cookie is, /oauth2/sign_in is a page."""

    def do_GET(self):
        if self.path != '/oauth2/auth':
            self.send_response(403)
            body = b'sign in'
        elif '_oauth2_proxy=ann' in self.headers.get('Cookie', ''):
            self.send_response(202)
            self.send_header('X-Auth-Request-User', 'ann')
            body = b''
        else:
            self.send_response(401)
            body = b'Unauthorized'
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def run_oauth2(server):
    upstream = urllib.parse.urlsplit(server).netloc
    sign_in = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Oauth2_proxy)
    threading.Thread(target=sign_in.serve_forever, daemon=True).start()
    where = '127.0.0.1:%d' % sign_in.server_port
    with proxy('oauth2-proxy', upstream, change=lambda text: text.replace('127.0.0.1:4180', where)) as base:
        headers = {'Cookie': '_oauth2_proxy=ann'}
        ann, unknown = Client(base, headers), Client(base, {})
        check(ann.json('GET', '/v1/me')['user'] == 'ann', 'another user')
        forged = Client(base, {**headers, 'X-User': 'root', 'X-Auth-Request-User': 'root'})
        check(forged.json('GET', '/v1/me')['user'] == 'ann', 'a client named its user itself')
        unknown.send('GET', '/v1/me', headers={'X-User': 'root'}, wanted=(401,))
        unknown.send('GET', '/v1/events', headers={'X-User': 'root'}, wanted=(401,))
        _, page = unknown.send('GET', '/', wanted=(403,))
        check(page == b'sign in', page)
        check(b'<html' in ann.send('GET', '/')[1], 'no page')
        print('who signed in, and who did not')
        batch = new_batch(ann)
        try_uploads(ann, batch)
        asyncio.run(follow(base, headers, ann, batch))
        try_zip(ann, batch)
    sign_in.shutdown()


if __name__ == '__main__':
    sys.stdout.reconfigure(line_buffering=True)
    if sys.argv[1] == 'oauth2-proxy':
        run_oauth2(sys.argv[2])
    else:
        run_all(*sys.argv[1:5], int(sys.argv[5]) if len(sys.argv) > 5 else 3)
