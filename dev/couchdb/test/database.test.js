import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Database } from '../lib/database.js'

const withDatabase = async body => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'kanto-database-'))
  const db = Database.create(path.join(folder, 'db'), { name: 'db', instance_start_time: '1', security: {} }, 'u')
  try {
    await body(db)
  } finally {
    await db.close()
    fs.rmSync(folder, { recursive: true })
  }
}

test('files that could not be opened are tried again at the next use', () => withDatabase(async db => {
  const inTheWay = path.join(db.folder, 'files')
  fs.writeFileSync(inTheWay, '')
  await assert.rejects(db.head())
  await assert.rejects(db.write([{ _id: 'a' }]))
  fs.rmSync(inTheWay)
  assert.equal(await db.head(), 0)
}))

test('after an error of the files they are opened anew, once for all who met it', () => withDatabase(async db => {
  await db.write([{ _id: 'a' }])
  const pouch = await db.open()
  pouch.bulkDocs = async () => { throw new Error('IO error: 000003.log: No space left on device') }
  const met = await Promise.allSettled([db.write([{ _id: 'b' }]), db.write([{ _id: 'c' }])])
  assert.deepEqual(met.map(one => one.reason?.status), [500, 500])
  const [row] = await db.write([{ _id: 'd' }])
  assert.equal(row.ok, true)
  assert.equal((await db.info()).doc_count, 2)
  assert.notEqual(await db.open(), pouch)
}))

test('a refused document is no error of the files', () => withDatabase(async db => {
  await db.write([{ _id: 'a' }])
  const pouch = await db.open()
  const [row] = await db.write([{ _id: 'a' }])
  assert.equal(row.error, 'conflict')
  assert.equal(await db.open(), pouch)
}))
