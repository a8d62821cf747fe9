import assert from 'node:assert/strict'
import test from 'node:test'
import { Job } from '../lib/replicator/job.js'

const pending = job => job.stats.changes_pending

test('what was read and is not on the target yet waits, beside what the source has left', () => {
  const job = new Job({ options: {} }, {})
  assert.equal(pending(job), null)
  job.changesRead(['1-a', '2-b', '3-c'], 7)
  assert.equal(pending(job), 10)
  job.reached('2-b')
  assert.equal(pending(job), 8)
  job.changesRead(['4-d'], 0)
  assert.equal(pending(job), 2)
  job.reached('4-d')
  assert.equal(pending(job), 0)
})

test('a sequence that no change had leaves nothing waiting that was read before it', () => {
  const job = new Job({ options: {} }, {})
  job.changesRead(['1-a', '2-b'], 0)
  job.reached('3-x')
  assert.equal(pending(job), 0)
})
