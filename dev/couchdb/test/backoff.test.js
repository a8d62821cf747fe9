import assert from 'node:assert/strict'
import test from 'node:test'
import { backOff } from '../lib/replicator/backoff.js'

test('a wait doubles with every crash, from half a minute to eight and a half hours', () => {
  assert.deepEqual([1, 2, 3, 11, 12, 100].map(backOff), [30, 60, 120, 30720, 30720, 30720].map(seconds => seconds * 1000))
})
