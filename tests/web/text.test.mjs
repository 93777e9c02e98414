// Every text there is in each language, and with the same values.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import {de} from '../../web/app/text/de.js';
import {en} from '../../web/app/text/en.js';

const app = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web/app');
function files(folder) {
  return fs.readdirSync(folder, {withFileTypes: true}).flatMap(e =>
    e.isDirectory() ? files(path.join(folder, e.name)) : e.name.endsWith('.js') ? [path.join(folder, e.name)] : []);
}

const values = text => [...text.matchAll(/\{(\w+)\}/g)].map(m => m[1]).sort();

test('languages have the same keys, with the same values', () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  for (const key of Object.keys(en)) assert.deepEqual(values(de[key]), values(en[key]), key);
});

test('every text that is asked for by a whole key is there', () => {
  let asked = 0;
  for (const file of files(app))
    for (const [, key] of fs.readFileSync(file, 'utf8').matchAll(/\bt\('([\w.]+)'/g)) {
      assert.ok(key in en, `${file}: ${key}`);
      asked += 1;
    }
  assert.ok(asked > 50, `${asked} texts`);
});

test('every reason, loss and state of the engine has its words', () => {
  const root = path.join(app, '../../');
  const names = (file, of) => {
    const source = fs.readFileSync(path.join(root, file), 'utf8');
    const at = source.indexOf('names(', source.indexOf(`enum_names<${of}>`) < 0 ? source.indexOf(of) : source.indexOf(`${of}>`));
    return [...source.slice(at, source.indexOf(');', at)).matchAll(/"(\w+)"/g)].map(m => m[1]);
  };
  const reasons = names('domain/failure_reason.hpp', 'failure_reason');
  const losses = names('domain/loss.hpp', 'loss');
  const phases = names('domain/events.hpp', 'batch_phase').filter(p => p !== 'absent' && p !== 'deleted');
  assert.ok(reasons.length > 10 && losses.length > 10 && phases.length === 7);
  for (const name of phases) assert.ok(`state.${name}` in en, name);
  for (const name of reasons) assert.ok(`reason.${name}` in en, name);
  for (const name of losses) assert.ok(`loss.${name}` in en, name);
});
