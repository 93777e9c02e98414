"""Sends requests that the server's own OpenAPI document leads to, with valid and broken values for every parameter and
body, and checks that each answer is one that the document describes:

  fuzz_openapi.py SERVER ADMIN_TOKEN COUNT SEED

The server is started for this: batches are made and deleted, nodes are cordoned, a folder beside this run gets
backups. Prints what was wrong, each time with the request, and a summary; ends with 1 if something was wrong. The
choices follow from SEED; ids that the server makes differ. Needs Debian's python3-jsonschema."""
import base64
import collections
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import string
import struct
import sys
import tempfile
import time
import urllib.parse
import zlib

import jsonschema

METHODS = ('get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace')
# What a server may answer that works as it should: its state, not a fault.
UNAVAILABLE = {'overloaded', 'no_workers', 'draining', 'in_doubt', 'store_unavailable'}
TIMEOUT_S = 60
TEXTS = ['', ' ', 'a', 'é', 'e\u0301', '\U0001f4f7', '\u202e', '\x00', '\n', '../x', 'a/../b', '/etc/passwd', 'a//b', 'CON', 'a.',
         "'; --", '<script>', '%', '%2F', '%00', '\\', '"', 'null', 'true', '0', '-1', '1e9', '0x10', '١', 'x' * 300, 'y' * 5000]
NUMBERS = [-1, 0, 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -2**63, 0.5, 1e300]


def png(noise):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + noise.randbytes(24) for _ in range(8))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 2, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


class Document:
    def __init__(self, text):
        self.root = json.loads(text)
        self.validators = {}
        self.operations = []
        for path, item in self.root['paths'].items():
            for method, operation in item.items():
                if method in METHODS:
                    self.operations.append((method, path, operation, item.get('parameters', [])))

    def resolved(self, node):
        while '$ref' in node:
            target = self.root
            for word in node['$ref'][2:].split('/'):
                target = target[word.replace('~1', '/').replace('~0', '~')]
            node = target
        return node

    def faults(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(
                schema, resolver=jsonschema.RefResolver('', self.root))
        return ['%s: %s' % ('/'.join(str(step) for step in error.absolute_path), error.message[:200])
                for error in self.validators[key].iter_errors(value)]

    def answer(self, operation, status):
        """What is described for a status: itself, its class, or (faults of the server only) the default."""
        answers = operation['responses']
        found = answers.get(str(status)) or answers.get('%dXX' % (status // 100))
        if found is None and status >= 500:
            found = answers.get('default')
        return None if found is None else self.resolved(found)


class Values:
    """Values for parameters and members: of a schema, or one that breaks it."""

    def __init__(self, document, choose, state):
        self.document, self.choose, self.state = document, choose, state

    def valid(self, schema, name='', depth=0):
        choose, schema = self.choose, self.document.resolved(schema)
        for key in ('oneOf', 'anyOf'):
            if key in schema:
                return self.valid(choose.choice(schema[key]), name, depth + 1)
        if name in self.state.pools and choose.random() < 0.9:
            return self.state.known(name)
        if 'enum' in schema:
            return choose.choice(schema['enum'])
        kind = schema.get('type', 'object' if 'properties' in schema else 'string')
        if isinstance(kind, list):
            kind = choose.choice(kind)
        if kind == 'object':
            return self.members(schema, depth)
        if kind == 'array':
            most = min(schema.get('maxItems', 3), 3)
            return [self.valid(schema.get('items', {}), name, depth + 1)
                    for _ in range(choose.randint(schema.get('minItems', 0), most))]
        if kind == 'integer':
            least = schema.get('minimum', 0)
            most = schema.get('maximum', least + 100)
            return choose.choice([least, most, choose.randint(least, most), schema.get('default', least)])
        if kind == 'boolean':
            return choose.random() < 0.5
        if kind == 'null':
            return None
        return self.text(schema)

    def members(self, schema, depth):
        value = {}
        for name, member in schema.get('properties', {}).items():
            if name in schema.get('required', []) or (depth < 6 and self.choose.random() < 0.3):
                value[name] = self.valid(member, name, depth + 1)
        more = schema.get('additionalProperties')
        if isinstance(more, dict) and self.choose.random() < 0.5:
            value[self.choose.choice(['alpha_flattened', 'metadata_reduced', 'other'])] = self.valid(more, '', depth + 1)
        return value

    def text(self, schema):
        choose = self.choose
        if schema.get('pattern') == '^[0-9a-f]{64}$':
            return choose.choice([self.state.known('sha256'), hashlib.sha256(choose.randbytes(4)).hexdigest()])
        if schema.get('pattern') == '^#[0-9a-fA-F]{6}$':
            return '#%06x' % choose.randrange(1 << 24)
        if schema.get('format') == 'uuid':
            return self.state.known('id')
        if schema.get('format') == 'date-time':
            return '2026-11-21T10:15:02Z'
        if 'example' in schema and choose.random() < 0.5:
            return schema['example']
        most = min(schema.get('maxLength', 20), 300)
        length = choose.randint(schema.get('minLength', 0), choose.choice([most, min(most, 12)]))
        return ''.join(choose.choice(string.ascii_letters + string.digits + ' -_.é') for _ in range(length))[:length]

    def broken(self, schema, depth=0):
        """Some other value, most of which break the schema; which do is found out by validating."""
        choose, schema = self.choose, self.document.resolved(schema)
        value = self.valid(schema, '', depth)
        kind = choose.randrange(6)
        if isinstance(value, dict) and kind < 4:
            names = list(value) or ['']
            name = choose.choice(names)
            if kind == 0:
                value.pop(name, None)
            elif kind == 1:
                value[choose.choice(TEXTS)] = choose.choice(NUMBERS)
            elif name in schema.get('properties', {}):
                value[name] = self.broken(schema['properties'][name], depth + 1)
            return value
        if isinstance(value, list) and kind < 3:
            return value * choose.choice([0, 2, 50]) + [self.broken(schema.get('items', {}), depth + 1)]
        deep = []
        for _ in range(40):
            deep = [deep]
        return choose.choice([choose.choice(TEXTS), choose.choice(NUMBERS), None, True, [], {}, [value], {'a': value}, deep])


class State:
    """What earlier answers named: batches, files, tokens, cursors."""

    def __init__(self, choose):
        self.choose = choose
        self.pools = collections.defaultdict(list)
        self.uploads = []  # targets that were answered with 201

    def add(self, name, value):
        pool = self.pools[name]
        if value not in pool:
            pool.append(value)
        if len(pool) > 40:  # the first ones stay
            pool.pop(self.choose.randrange(10, len(pool)))

    def forget(self, name, value):
        pool = self.pools[name]
        if value in pool[5:]:  # some that are gone are asked for, too
            pool.remove(value)

    def known(self, name):
        return self.choose.choice(self.pools[name])

    def learn(self, value):
        if isinstance(value, list):
            for one in value[:20]:
                self.learn(one)
        if not isinstance(value, dict):
            return
        if 'created_at' in value and 'state' in value:
            self.add('id', value['id'])
        for name, pool in (('sha256', 'sha256'), ('ticket', 'ticket'), ('next_cursor', 'cursor'), ('path', 'path')):
            if name in value:
                self.add(pool, value[name])
        for one in value.values():
            if isinstance(one, (dict, list)):
                self.learn(one)


class Fuzzer:
    def __init__(self, server, admin_token, seed):
        self.server = urllib.parse.urlsplit(server)
        self.choose = random.Random(seed)
        self.state = State(self.choose)
        self.connection = None
        self.findings = collections.OrderedDict()
        self.statuses = collections.Counter()
        self.succeeded = set()
        self.refused_codes = set()
        self.admin = admin_token
        self.document = Document(self.plain('GET', '/v1/openapi.json')[1])
        self.values = Values(self.document, self.choose, self.state)
        # Batches need files more often than they are deleted.
        weights = {'uploadFile': 5, 'uploadForm': 3, 'startBatch': 2, 'deleteBatch': 0.2}
        self.weights = [weights.get(operation['operationId'], 1) for _, _, operation, _ in self.document.operations]
        self.uploads = {method.upper(): operation for method, _, operation, _ in self.document.operations
                        if operation['operationId'] in ('uploadFile', 'removeFile')}
        self.users = {}
        for user in ('ann', 'bob'):
            made = json.loads(self.plain('POST', '/v1/admin/tokens', json.dumps({'user': user}), admin_token)[1])
            self.users[user] = made['token']
        self.folder = tempfile.mkdtemp(prefix='darkroom-fuzz-')
        os.chmod(self.folder, 0o755)
        with open(self.folder + '/darkroom-backup', 'w', encoding='ascii') as marker:
            marker.write('1\n')
        self.prepare()

    def plain(self, method, path, body=None, token=None, kind='application/json'):
        connection = http.client.HTTPConnection(self.server.hostname, self.server.port, timeout=TIMEOUT_S)
        headers = {'Content-Type': kind, **({'Authorization': 'Bearer ' + token} if token else {})}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def prepare(self):
        """Batches in several states, and what the pools of names begin with."""
        for user, started in (('ann', True), ('ann', False), ('bob', True)):
            token = self.users[user]
            spec = {'spec': {'outputs': [{'format': 'webp'}]}, 'name': 'prepared', 'tags': ['one']}
            batch = json.loads(self.plain('POST', '/v1/batches', json.dumps(spec), token)[1])['id']
            self.state.add('id', batch)
            for n in range(3):
                self.plain('PUT', '/v1/batches/%s/files/f%d.png' % (batch, n), png(random.Random(n)), token,
                           'application/octet-stream')
            if started:
                self.plain('POST', '/v1/batches/%s/start' % batch, None, token)
                end = time.monotonic() + TIMEOUT_S
                while json.loads(self.plain('GET', '/v1/batches/' + batch, None, token)[1])['state'] != 'completed':
                    assert time.monotonic() < end, 'the first batches do not complete'
        nodes = json.loads(self.plain('GET', '/v1/admin/nodes', None, self.admin)[1])['nodes']
        page_files = re.findall(rb'/app/([^"?]+)"', self.plain('GET', '/')[1])
        for name, values in {
                'node': [node['name'] for node in nodes] + ['none'],
                'page_file': [name.decode() for name in page_files] + ['none'],
                'id': ['0192a3b4-c5d6-7e8f-9012-3456789abcde'], 'path': ['f0.png', 'a/b.png', 'ü/é x.png'],
                'sha256': [hashlib.sha256(png(random.Random(0))).hexdigest()], 'n': [0, 1], 'index': [0, 1, 2, 3],
                'cursor': ['AAAA'], 'ticket': ['t'], 'code': ['wrong_state', 'none'],
                'owner': ['ann', 'bob'], 'user': ['ann', 'bob', 'eve'],
                'directory': [self.folder, self.folder + '/none', '/proc/1', 'relative'],
                'download': ['/v1/batches/%s/results.zip' % self.state.pools['id'][0], '/v1/me']}.items():
            for value in values:
                self.state.add(name, value)

    # The value of a parameter as text; None leaves it out.
    def parameter(self, parameter, method, path, broken):
        name, choose = parameter['name'], self.choose
        schema = parameter.get('schema', {})
        if broken:
            return choose.choice([*TEXTS, *map(str, NUMBERS), '1,2', 'true'])
        if parameter['in'] == 'path':
            if name == 'id' and '/admin/tokens' in path:
                return choose.choice(self.state.pools['token_id'] or ['none'])
            if name == 'name':
                return self.state.known('node')
            if name in ('file', 'path') and '/batches/' in path:
                return str(self.state.known('path' if method in ('put', 'delete') else 'index'))
            if name == 'path':
                return self.state.known('page_file')
        if name == 'Prefer':
            return choose.choice(['wait=0', 'wait=1', 'Wait=0', 'respond-async', 'wait=', 'wait=-1', 'wait=x'])
        if name in ('If-Match', 'If-None-Match', 'If-Range'):
            return choose.choice(['*', '"1"', 'W/"1"', '"x"', 'x', '"99999999999999999999"', '', '"1", "2"'])
        if name == 'Range':
            return choose.choice(['bytes=0-0', 'bytes=0-', 'bytes=-1', 'bytes=5-2', 'bytes=99999999-', 'bytes=0-1,3-4',
                                  'bytes=', 'items=0-1', 'bytes=18446744073709551616-'])
        if name == 'Repr-Digest':
            digest = base64.b64encode(choose.randbytes(32)).decode()
            return choose.choice(['sha-256=:%s:' % digest, 'sha-256=:x:', 'md5=:%s:' % digest, 'sha-256'])
        if name == 'Sec-WebSocket-Protocol':
            return choose.choice(['darkroom.v1', 'other', 'darkroom.v1, bearer.' + self.users['ann']])
        value = self.values.valid(schema, name)
        return str(value).lower() if isinstance(value, bool) else str(value)

    def body(self, operation, broken):
        """The bytes of a body, its media type, and whether it is valid as far as the schema says."""
        request = operation.get('requestBody')
        choose = self.choose
        if request is None:
            return (choose.choice([b'{}', b'x', b'[1]']), 'application/json', True) if broken else (None, None, True)
        if not broken and not request.get('required') and choose.random() < 0.3:
            return None, None, True
        kind = choose.choice(list(request['content']))
        schema = request['content'][kind].get('schema', {})
        if kind == 'application/json':
            value = self.values.broken(schema) if broken else self.values.valid(schema)
            data = json.dumps(value).encode()
            if broken and choose.random() < 0.3:
                data = choose.choice([data[:-1], b'', b'\xff\xfe', b'{"a":1,"a":2}', b'[' * 100, data + b'x', b'NaN',
                                      b'{"name":"\\ud800"}', b' ' * 2_000_000])
                return data, choose.choice([kind, 'text/plain', 'application/xml', '']), None
            return data, kind, not self.document.faults(schema, value)
        picture = png(self.choose)
        if kind == 'multipart/form-data':
            parts = b''
            for _ in range(choose.randint(0, 3)):
                name = str(choose.choice(TEXTS) if broken else self.state.known('path'))
                name = name.replace('"', '%22').replace('\n', '%0A').replace('\x00', '%00')
                parts += (b'--B\r\nContent-Disposition: form-data; name="f"; filename="' + name.encode() +
                          b'"\r\nContent-Type: image/png\r\n\r\n' + choose.choice([picture, b'no picture', b'']) + b'\r\n')
            parts += choose.choice([b'--B--\r\n', b'--B', b'']) if broken else b'--B--\r\n'
            return parts, choose.choice(['multipart/form-data; boundary=B', kind, 'text/plain']) if broken else \
                'multipart/form-data; boundary=B', None
        others = [b'GIF89a', b'', choose.randbytes(100), b' ' * 100_000] if broken else [picture, picture[:60]]
        return choose.choice([picture, *others]), kind, None

    def missing(self):
        """Operations that have not succeeded yet."""
        return [one for one in self.document.operations if one[2]['operationId'] not in self.succeeded]

    def one(self, preferred=()):
        choose = self.choose
        method, path, operation, shared = choose.choices(self.document.operations, self.weights)[0]
        if preferred and choose.random() < 0.3:
            method, path, operation, shared = choose.choice(preferred)
        broken = choose.choice(['', '', '', 'path', 'query', 'header', 'body', 'unknown', 'method', 'accept', 'token'])
        target, query, headers, must_refuse = path, [], {}, []
        if operation['operationId'] == 'removeFile' and self.state.uploads and choose.random() < 0.7:
            target = choose.choice(self.state.uploads)
        for parameter in map(self.document.resolved, [*shared, *operation.get('parameters', [])]):
            place, name = parameter['in'], parameter['name']
            if not parameter.get('required') and choose.random() > 0.3 and broken != place:
                continue
            breaks = broken == place and choose.random() < 0.6
            value = self.parameter(parameter, method, path, breaks)
            if place == 'path':
                target = target.replace('{%s}' % name, urllib.parse.quote(value, safe=choose.choice(['', '/'])))
            elif place == 'query':
                query.append((name, value))
                if breaks and self.breaks(parameter['schema'], value):
                    must_refuse.append(name)
            else:
                headers[name] = value
        if broken == 'unknown':
            query.append((choose.choice(['x', 'Limit', 'state[]', 'after ']), choose.choice(TEXTS)))
            if path.startswith('/v1/'):
                must_refuse.append('the name of a query parameter')
        data, kind, valid = self.body(operation, broken == 'body')
        if kind:
            headers['Content-Type'] = kind
        if valid is False:
            must_refuse.append('the body')
        listed = [kind for answer in operation['responses'].values()
                  for kind in self.document.resolved(answer).get('content', {})]
        if broken == 'accept' or choose.random() < 0.2:
            headers['Accept'] = choose.choice([*listed, '*/*', 'text/html', 'x', '', 'application/*;q=0.5', 'image/png;q=0'])
        admin = '/admin/' in path or path == '/metrics'
        token = self.admin if admin and choose.random() < 0.9 else self.users[choose.choice(['ann'] * 5 + ['bob'])]
        if operation.get('security') != [] or choose.random() < 0.5:
            headers['Authorization'] = 'Bearer ' + token
        if broken == 'token':
            headers['Authorization'] = choose.choice(['Bearer x', 'Basic YTpi', 'Bearer ', '', 'Bearer ' + token[:-1] + '0'])
        if path == '/v1/events' and choose.random() < 0.5:
            headers.update({'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
                            'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA=='})
        sent = method.upper()
        if broken == 'method':
            sent = choose.choice(['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PATCH', 'BREW'])
        if query:
            target += '?' + urllib.parse.urlencode(query)
        self.send(sent, target, headers, data, (method, path, operation), must_refuse)

    def breaks(self, schema, text):
        schema = self.document.resolved(schema)
        if schema.get('type') == 'integer':
            return not text.isascii() or not text.isdigit() or bool(self.document.faults(schema, int(text)))
        return 'enum' in schema and text not in schema['enum']

    def send(self, method, target, headers, data, described, must_refuse):
        request = '%s %s %s %s' % (method, target, {k: v for k, v in headers.items() if k != 'Authorization'},
                                   data if data is None else data[:300])
        try:
            headers = {name: value.encode('utf-8') for name, value in headers.items()
                       if not any(c in value for c in '\r\n\x00')}
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.server.hostname, self.server.port, timeout=TIMEOUT_S)
            self.connection.request(method, target, data, headers)
            answer = self.connection.getresponse()
            streams = answer.headers.get_content_type() == 'text/event-stream' or answer.status == 101
            content = b'' if streams else answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.drop()
            return self.found('no answer: %r' % error, request)
        if streams or answer.headers.get('Connection') == 'close':
            self.drop()
        self.statuses[answer.status] += 1
        self.judge(method, target, described, answer, content, request, must_refuse)

    def drop(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def judge(self, sent, target, described, answer, content, request, must_refuse):
        method, path, operation = described
        status = answer.status
        where = '%s %s' % (method.upper(), path)
        kind = answer.headers.get_content_type() if 'Content-Type' in answer.headers else None
        value = None
        if kind in ('application/json', 'application/problem+json') and content:
            try:
                value = json.loads(content)
            except ValueError:
                return self.found('%s: %d with a body that is no JSON' % (where, status), request, content)
        if kind == 'application/problem+json' and value is not None:
            if value['status'] != status:
                self.found('%s: %d is %d in its body' % (where, status, value['status']), request, content)
            self.check_code(value['code'], request)
        for name in ('X-Request-Id', 'Date'):
            if name not in answer.headers:
                self.found('%d without %s' % (status, name), request, content)
        if status >= 500 and not (status == 503 and (path == '/readyz' or value and value.get('code') in UNAVAILABLE)):
            self.found('%s: %d' % (where, status), request, content)
        if sent not in (method.upper(), 'HEAD') or (sent == 'HEAD' and method != 'get'):
            other = self.described_elsewhere(sent, path)
            if other is None:
                if status not in (200, 204, 400, 401, 403, 404, 405, 414, 429) or (status in (200, 204) and sent != 'OPTIONS'):
                    self.found('%s %s: %d, though it is not described' % (sent, path, status), request, content)
                return None
            operation, where = other, '%s %s' % (sent, path)
            must_refuse = []
        if status < 400:
            self.succeeded.add(operation['operationId'])
        if operation['operationId'] == 'uploadFile' and status == 201 and len(target) < 300:
            self.state.uploads = self.state.uploads[-20:] + [target]
        if operation['operationId'] == 'deleteBatch' and value and status == 202:
            self.state.forget('id', value['id'])
        listed = self.document.answer(operation, status)
        if listed is None:
            return self.found('%s: %d is not listed' % (where, status), request, content)
        if status < 300:
            for name in must_refuse:
                self.found('%s: %d, though %s is not valid' % (where, status, name), request, content)
        kinds = listed.get('content', {})
        if sent == 'HEAD' or status in (101, 204, 304):
            if content:
                self.found('%s: %d with a body' % (where, status), request, content)
            return None
        if not content and not kinds:
            return None
        matching = kinds.get(kind) or kinds.get((kind or '').split('/')[0] + '/*')
        if matching is None:
            return self.found('%s: %d as %s, which is not listed' % (where, status, kind), request, content)
        if value is not None and 'schema' in matching:
            for fault in self.document.faults(matching['schema'], value):
                self.found('%s: %d: %s' % (where, status, fault), request, content)
        if value is not None and status < 300 and path != '/v1/openapi.json':
            self.state.learn(value)
            if path == '/v1/admin/tokens' and 'token' in value:
                self.state.add('token_id', value['id'])
        return None

    def described_elsewhere(self, method, path):
        if method in ('PUT', 'DELETE') and path.startswith('/v1/batches/{id}/files/'):
            return self.uploads[method]  # whatever follows is part of the file's path
        wanted = 'get' if method == 'HEAD' else method.lower()
        return next((one for kind, at, one, _ in self.document.operations if at == path and kind == wanted), None)

    def check_code(self, code, request):
        """Each code has its page."""
        if code in self.refused_codes:
            return
        self.refused_codes.add(code)
        status, _ = self.plain('GET', '/problems/' + code)
        if status != 200:
            self.found('the code %s has no page' % code, request)

    def found(self, what, request, content=b''):
        times, first = self.findings.get(what, (0, '%s\n    %s' % (request[:1500], content[:400])))
        self.findings[what] = (times + 1, first)


def main(server, admin_token, count, seed):
    fuzzer = Fuzzer(server, admin_token, int(seed))
    for _ in range(int(count)):
        fuzzer.one()
    for _ in range(int(count)):  # what chance has left out so far
        if not fuzzer.missing():
            break
        fuzzer.one(fuzzer.missing())
    fuzzer.drop()
    shutil.rmtree(fuzzer.folder, ignore_errors=True)  # a backup may still be written
    for what, (times, request) in fuzzer.findings.items():
        print('%s (%d times)\n  %s' % (what, times, request))
    print('%s requests, seed %s: %s' % (count, seed, dict(sorted(fuzzer.statuses.items()))))
    never = sorted(operation['operationId'] for _, _, operation, _ in fuzzer.missing())
    print('never succeeded: %s' % (', '.join(never) or '-'))
    print('problem codes seen: %s' % ', '.join(sorted(fuzzer.refused_codes)))
    print('%d findings' % len(fuzzer.findings))
    return 1 if fuzzer.findings else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:5]))
