import assert from 'node:assert/strict'
import test from 'node:test'
import { parseReplication, validateReplication } from '../lib/replicator/document.js'

const login = (username, password) => ({ basic: { username, password } })
const doc = {
  source: { url: 'http://127.0.0.1:1/a', auth: login('me', 'mine') },
  target: { url: 'http://127.0.0.1:2/a', auth: login('me', 'mine') },
  continuous: true
}
const id = (changes, uuid = 'u') => parseReplication({ ...doc, ...changes }, uuid).id

test('password, form of the login and tuning make no other replication', () => {
  assert.equal(id({ source: { ...doc.source, auth: login('me', 'another') } }), id())
  assert.equal(id({ source: 'http://me:mine@127.0.0.1:1/a/' }), id())
  assert.equal(id({ source: { url: 'http://127.0.0.1:1/a', headers: { Authorization: 'Basic bWU6bWluZQ==' } } }), id())
  assert.equal(id({ worker_batch_size: 7 }), id())
})

test('user, address, header, filter and server make another one', () => {
  const others = [
    id({ source: { ...doc.source, auth: login('you', 'mine') } }),
    id({ source: { ...doc.source, url: 'http://127.0.0.1:3/a' } }),
    id({ source: { ...doc.source, headers: { 'X-Kanto': 'ring' } } }),
    id({ selector: { type: 'a' } }),
    id({}, 'another')
  ]
  assert.equal(new Set([...others, id()]).size, others.length + 1)
})

test('one-shot and continuous share their checkpoints, not their ids', () => {
  const [one, other] = [doc, { ...doc, continuous: false }].map(each => parseReplication(each, 'u'))
  assert.equal(one.baseId, other.baseId)
  assert.equal(one.id, `${other.id}+continuous`)
})

test('only what matters changes the key', () => {
  const key = changes => parseReplication({ ...doc, ...changes }, 'u').key
  assert.equal(key({ note: 'mine', owner: 'me' }), key())
  assert.notEqual(key({ retries_per_request: 6 }), key())
  assert.notEqual(key({ source: { ...doc.source, auth: login('me', 'another') } }), key())
})

test('what CouchDB refuses is refused', () => {
  const wrong = [{ continuous: 'true' }, { create_target: 1 }, { doc_ids: 'a' }, { selector: [] }, { filter: 'a/b', doc_ids: [] }]
  for (const changes of wrong) assert.throws(() => validateReplication({ ...doc, ...changes }), { status: 403 })
})
