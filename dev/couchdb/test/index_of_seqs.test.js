import assert from 'node:assert/strict'
import test from 'node:test'
import { SeqIndex } from '../lib/index_of_seqs.js'

test('counts are those of counting one by one', () => {
  const index = new SeqIndex()
  const last = new Map()
  let random = 7
  for (let seq = 1; seq <= 2000; seq++) {
    random = (random * 1103515245 + 12345) % 2147483648
    const id = `d${random % 300}`
    last.set(id, seq)
    index.note(id, seq)
  }
  assert.equal(index.total, last.size)
  for (let since = 0; since <= 2001; since += 37) {
    assert.equal(index.countAfter(since), [...last.values()].filter(seq => seq > since).length)
  }
})

test('a sequence seen before counts once', () => {
  const index = new SeqIndex()
  for (const seq of [1, 2, 2, 1]) index.note(`d${seq}`, seq)
  assert.equal(index.countAfter(0), 2)
})
