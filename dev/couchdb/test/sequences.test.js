import assert from 'node:assert/strict'
import test from 'node:test'
import { Sequences } from '../lib/sequences.js'

const own = new Sequences('uuid/db/1')

test('what was written is read again, quoted or not', () => {
  for (const text of [own.write(7), `"${own.write(7)}"`, '7']) assert.equal(own.read(text, 9), 7)
})

test('now is the head, and nothing is the start', () => {
  assert.equal(own.read('now', 9), 9)
  assert.equal(own.read(undefined, 9), 0)
})

test('a sequence of another database counts from the start', () => {
  assert.equal(own.read(new Sequences('uuid/db/2').write(7), 9), 0)
})

test('what is no sequence is refused', () => {
  assert.throws(() => own.read('later', 9), { status: 400 })
})
