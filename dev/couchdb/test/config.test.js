import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { Config } from '../lib/config.js'

function files (t, ...texts) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'config-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return texts.map((text, i) => {
    const file = path.join(folder, `${i}.ini`)
    fs.writeFileSync(file, text)
    return file
  })
}

test('later files win, and comments are none of the values', t => {
  const config = new Config(files(t, '[a]\nx = 1 ; said once\ny=2\n; z = 3\n', '[a]\nx = 4\n'))
  assert.deepEqual(config.section('a'), { x: '4', y: '2' })
})

test('a value goes to the last file only, and is there for the next reader', t => {
  const [lower, last] = files(t, '[a]\nx = 1\n', '')
  const config = new Config([lower, last])
  config.set('a', 'x', '-pbkdf2-00,s=a;lt,10')
  assert.equal(new Config([lower, last]).get('a', 'x'), '-pbkdf2-00,s=a;lt,10')
  assert.equal(fs.readFileSync(lower, 'utf8'), '[a]\nx = 1\n')
})

test('a deleted value is what the lower file says', t => {
  const config = new Config(files(t, '[a]\nx = 1\n', '[a]\nx = 2\n'))
  config.delete('a', 'x')
  assert.equal(config.get('a', 'x'), '1')
})

test('what is in memory only is forgotten when the files are read again', t => {
  const config = new Config(files(t, '[a]\nx = 1\n', ''))
  config.set('a', 'x', '2', { persist: false })
  assert.equal(config.get('a', 'x'), '2')
  config.reload()
  assert.equal(config.get('a', 'x'), '1')
})
