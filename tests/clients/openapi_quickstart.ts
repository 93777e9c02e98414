// docs/quickstart.md with a client whose types openapi-typescript generated from the server's own document, compiled
// with `tsc --strict`: node openapi_quickstart.js SERVER ADMIN_TOKEN FOLDER OUT
import {readFileSync, readdirSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import createClient from 'openapi-fetch';
import type {components, paths} from './api.js';

const [server = '', adminToken = '', folder = '', out = ''] = process.argv.slice(2);

function clientOf(token: string) {
  return createClient<paths>({baseUrl: server, headers: {Authorization: 'Bearer ' + token}});
}

// What an answer holds; a refusal has a type of its own, with a code.
function wanted<T>(answer: {data?: T; error?: components['schemas']['Problem']; response: Response}): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${answer.error?.code} ${answer.error?.detail}`);
  return answer.data;
}

// Lists come as JSON unless a request asks for another type, which would be a text.
function json<T>(data: T): Exclude<T, string> {
  if (typeof data === 'string') throw new Error('a text');
  return data as Exclude<T, string>;
}

function filesBelow(root: string, at = ''): string[] {
  return readdirSync(join(root, at)).flatMap(name => {
    const path = at === '' ? name : at + '/' + name;
    return statSync(join(root, path)).isDirectory() ? filesBelow(root, path) : [path];
  });
}

const admin = clientOf(adminToken);
const made = wanted(await admin.POST('/v1/admin/tokens', {body: {user: 'ann', role: 'user'}}));
const ann = clientOf(made.token ?? '');
const me = wanted(await ann.GET('/v1/me'));
console.log(`${me.user} is ${me.role}`);

const batch = wanted(await ann.POST('/v1/batches', {
  params: {header: {'Idempotency-Key': 'typescript'}},
  body: {name: 'holidays', spec: {outputs: [{format: 'webp', quality: 80, resize: {width: 640, height: 640}}]}},
}));
const id = batch.id;

const files = filesBelow(folder);
for (const file of files) {
  const bytes = new Uint8Array(readFileSync(join(folder, file)));
  const upload = wanted(await ann.PUT('/v1/batches/{id}/files/{file}', {
    params: {path: {id, file}}, // the client writes a slash as %2F
    body: bytes as unknown as string, // binary is a string in generated types
    bodySerializer: body => body,
    headers: {'Content-Type': 'application/octet-stream'},
  }));
  if (upload.path !== file || upload.bytes !== bytes.length) throw new Error(`${file} became ${upload.path}`);
}
console.log(`${files.length} uploads, ${files.filter(file => file.includes('/')).length} in folders`);

wanted(await ann.POST('/v1/batches/{id}/start', {params: {path: {id}}}));
let state: components['schemas']['BatchState'] = 'draft';
let completed = 0;
while (state !== 'completed') {
  const now = wanted(await ann.GET('/v1/batches/{id}', {params: {path: {id}, header: {Prefer: 'wait=10'}}}));
  state = now.state;
  completed = now.files.completed;
  if (state === 'failed' || state === 'completed_with_errors') throw new Error(state);
}
console.log(`${state}, ${completed} files`);

const listed = json(wanted(await ann.GET('/v1/batches/{id}/files', {params: {path: {id}, query: {limit: 1000}}})));
console.log(`${listed.files.filter(file => file.state === 'completed').length} listed as completed`);
const events = json(wanted(await ann.GET('/v1/batches/{id}/events', {params: {path: {id}}})));
console.log(`the last event is ${events.events.at(-1)?.type}`);

const first = wanted(await ann.GET('/v1/batches/{id}/files/{file}/outputs/{n}', {
  params: {path: {id, file: 0, n: 0}},
  parseAs: 'arrayBuffer',
}));
console.log(`an output begins with ${Buffer.from(first).subarray(8, 12)}`);

const part = await ann.GET('/v1/batches/{id}/results.zip', {
  params: {path: {id}, header: {Range: 'bytes=0-999'}},
  parseAs: 'arrayBuffer',
});
const begin = Buffer.from(wanted(part));
const rest = Buffer.from(wanted(await ann.GET('/v1/batches/{id}/results.zip', {
  params: {path: {id}, header: {Range: 'bytes=1000-', 'If-Range': part.response.headers.get('etag') ?? ''}},
  parseAs: 'arrayBuffer',
})));
writeFileSync(join(out, 'results.zip'), Buffer.concat([begin, rest]));

const refused = await ann.POST('/v1/batches/{id}/pause', {params: {path: {id}}});
console.log(`refused with ${refused.error?.code}, allowed: ${refused.error?.allowed?.join(', ')}`);
const unknown = await ann.GET('/v1/batches/{id}', {params: {path: {id: '00000000-0000-7000-8000-000000000000'}}});
console.log(`refused with ${unknown.error?.code}`);
