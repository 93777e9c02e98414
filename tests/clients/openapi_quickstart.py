"""docs/quickstart.md with a client that OpenAPI Generator made from the server's own document:
openapi_quickstart.py SERVER ADMIN_TOKEN FOLDER OUT; the package darkroom_client is in PYTHONPATH."""
import json
import os
import shutil
import sys

import darkroom_client as dr

server, admin_token, folder, out = sys.argv[1:]


def client_of(token):
    configuration = dr.Configuration(host=server)
    configuration.access_token = token
    return dr.ApiClient(configuration)


made = dr.UsersApi(client_of(admin_token)).create_token({'user': 'ann', 'role': 'user'})
ann = client_of(made.token)
batches, files, results, live = dr.BatchesApi(ann), dr.FilesApi(ann), dr.ResultsApi(ann), dr.LiveApi(ann)
me = dr.UsersApi(ann).who_am_i()
print('%s is %s' % (me.user, me.role))

spec = dr.Spec(outputs=[dr.Output(format='webp', quality=80, resize=dr.Resize(width=640, height=640))])
batch = batches.create_batch(dr.NewBatch(name='holidays', spec=spec), idempotency_key='python').id

paths = sorted(os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names)
for path in paths:
    with open(os.path.join(folder, path), 'rb') as file:
        content = file.read()
    upload = files.upload_file(batch, path, content)  # the client writes a slash as %2F
    assert (upload.path, upload.bytes) == (path, len(content)), upload
print('%d uploads, %d in folders' % (len(paths), sum('/' in path for path in paths)))

batches.start_batch(batch)
while True:
    now = batches.get_batch(batch, prefer='wait=10')
    assert now.state not in ('failed', 'completed_with_errors'), now
    if now.state == 'completed':
        break
print('%s, %d files' % (now.state, now.files.completed))

listed = files.list_files(batch, limit=1000).files
print('%d listed as completed' % sum(file.state == 'completed' for file in listed))
print('the last event is %s' % live.list_events(batch).events[-1].type)

with open(files.get_output(batch, 0, 0), 'rb') as first:  # a file that the client has written
    print('an output begins with %s' % first.read()[8:12].decode())


def append(path, to):
    with open(path, 'rb') as piece:
        shutil.copyfileobj(piece, to)


with open(os.path.join(out, 'results.zip'), 'wb') as whole:
    path, _, headers = results.results_zip_with_http_info(batch, range='bytes=0-999')
    append(path, whole)  # the client writes the next one under the same name
    append(results.results_zip(batch, range='bytes=1000-', if_range=headers['ETag']), whole)

try:
    batches.pause_batch(batch)
except dr.ApiException as refused:
    problem = json.loads(refused.body)
    print('refused with %s, allowed: %s' % (problem['code'], ', '.join(problem['allowed'])))
try:
    batches.get_batch('00000000-0000-7000-8000-000000000000')
except dr.ApiException as refused:
    print('refused with %s' % json.loads(refused.body)['code'])
