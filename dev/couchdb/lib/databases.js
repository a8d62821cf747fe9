// All databases of one server: made, found, listed, deleted.
import fs from 'node:fs'
import path from 'node:path'
import { Database } from './database.js'
import { CouchError, fileExists, noDatabase } from './errors.js'

const NAME = /^[a-z][a-z0-9_$()+/-]*$/
const SYSTEM = new Set(['_users', '_replicator', '_global_changes'])
const ADMIN_ONLY = { members: { roles: ['_admin'] }, admins: { roles: ['_admin'] } }
const OPEN = {}
const TRASH = '.deleted-'

export class Databases {
  constructor (config) {
    this.config = config
    this.byName = new Map()
    this.onCreate = () => {}
  }

  get folder () {
    return this.config.get('couchdb', 'database_dir')
  }

  /** Finds what lies on the disk, and clears away what was being deleted. */
  load (uuid) {
    this.uuid = uuid
    this.byName.clear()
    fs.mkdirSync(this.folder, { recursive: true })
    this.lastStart = 0
    for (const entry of fs.readdirSync(this.folder)) {
      const folder = path.join(this.folder, entry)
      if (entry.startsWith(TRASH)) {
        fs.rmSync(folder, { recursive: true, force: true })
        continue
      }
      const found = Database.load(folder, uuid)
      if (!found) continue
      this.byName.set(found.name, found)
      this.lastStart = Math.max(this.lastStart, Number(found.startTime))
    }
  }

  /** Closes all; the server can load them again afterwards. */
  async close () {
    const all = [...this.byName.values()]
    this.byName.clear()
    await Promise.allSettled(all.map(db => db.close()))
  }

  find (name) {
    return this.byName.get(name)
  }

  /** The database of a name. Throws 404. */
  get (name) {
    const found = this.byName.get(name)
    if (!found) throw noDatabase()
    return found
  }

  names () {
    return [...this.byName.keys()].sort()
  }

  /** Makes a database. Throws 400 for a bad name, 412 where there is one. */
  create (name, { partitioned = false, q = 1 } = {}) {
    if (!NAME.test(name) && !SYSTEM.has(name)) {
      throw new CouchError(400, 'illegal_database_name',
        `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / ` +
        'are allowed. Must begin with a letter.')
    }
    if (this.byName.has(name)) throw fileExists()
    // Whole seconds as in CouchDB, but never the same twice: a database deleted and made again must be told apart.
    this.lastStart = Math.max(this.lastStart + 1, Math.floor(Date.now() / 1000))
    const about = { name, instance_start_time: String(this.lastStart), security: this.defaultSecurity(), partitioned, q }
    const folder = path.join(this.folder, `${encodeURIComponent(name)}.${this.lastStart}`)
    const made = Database.create(folder, about, this.uuid)
    this.byName.set(name, made)
    this.onCreate(made)
    return made
  }

  defaultSecurity () {
    return this.config.get('couchdb', 'default_security') === 'everyone' ? OPEN : ADMIN_ONLY
  }

  /** Deletes a database: gone at once for everybody, its files removed afterwards. Throws 404. */
  async delete (name) {
    const db = this.get(name)
    this.byName.delete(name)
    await db.close()
    const trash = path.join(this.folder, TRASH + path.basename(db.folder))
    fs.renameSync(db.folder, trash)
    fs.rm(trash, { recursive: true, force: true }, () => {})
  }

  /** With `[couchdb] single_node = true` the system databases make themselves. */
  ensureSystem () {
    if (!this.config.isTrue('couchdb', 'single_node')) return
    for (const name of ['_users', '_replicator']) {
      if (!this.byName.has(name)) this.create(name)
    }
  }
}
