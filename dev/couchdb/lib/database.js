// One database: its files, its security object, and the event that says something was written.
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { fromPouch, isOfFiles, noDatabase } from './errors.js'
import { SeqIndex } from './index_of_seqs.js'
import { replaceFile } from './ini.js'
import { openFiles } from './pouch.js'
import { Sequences } from './sequences.js'

const ABOUT = 'about.json'

/**
 * A database by name. Emits `change` after a write and `gone` when it is deleted or its server restarts.
 * `startTime` is CouchDB's instance_start_time: it differs when the name is deleted and made again.
 */
export class Database extends EventEmitter {
  constructor (folder, about, uuid) {
    super()
    this.setMaxListeners(0)
    this.folder = folder
    this.name = about.name
    this.startTime = about.instance_start_time
    this.security = about.security
    this.isPartitioned = about.partitioned === true
    this.shards = about.q ?? 1
    this.sequences = new Sequences(`${uuid}/${this.name}/${this.startTime}`)
    this.index = new SeqIndex()
    this.opening = this.pouch = this.closing = null
    this.isGone = false
  }

  /** The database in a folder, or null where there is none. */
  static load (folder, uuid) {
    let text
    try {
      text = fs.readFileSync(path.join(folder, ABOUT), 'utf8')
    } catch (err) {
      if (err.code === 'ENOENT' || err.code === 'ENOTDIR') return null
      throw err
    }
    return new Database(folder, JSON.parse(text), uuid)
  }

  static create (folder, about, uuid) {
    fs.mkdirSync(folder, { recursive: true })
    const made = new Database(folder, about, uuid)
    made.save()
    return made
  }

  save () {
    const about = {
      name: this.name,
      instance_start_time: this.startTime,
      security: this.security,
      partitioned: this.isPartitioned,
      q: this.shards
    }
    replaceFile(path.join(this.folder, ABOUT), JSON.stringify(about))
  }

  setSecurity (security) {
    this.security = security
    this.save()
  }

  /** The PouchDB behind it; files are opened at the first use. Throws 404 once the database is gone. */
  async open () {
    if (this.isGone) throw noDatabase()
    this.opening ??= this.openFiles()
    const pouch = await this.opening
    if (this.isGone) throw noDatabase()
    return pouch
  }

  async openFiles () {
    await this.closing
    const pouch = this.pouch = openFiles(path.join(this.folder, 'files'))
    try {
      await pouch.info()
    } catch (err) {
      await this.letGo(pouch)
      throw err
    }
    return pouch
  }

  /** After an error of the files the next use opens them anew: the disk was full, say, and has room by then. */
  letGo (pouch) {
    if (this.pouch === pouch) {
      this.pouch = this.opening = null
      this.closing = pouch.close().catch(() => {})
    }
    return this.closing
  }

  /** The number of the last update. */
  async head () {
    return (await (await this.open()).info()).update_seq
  }

  /** Writes documents; one result each: {ok, id, rev} or {id, error, reason}. With newEdits false only refusals come back. */
  async write (docs, { newEdits = true } = {}) {
    const pouch = await this.open()
    let results
    try {
      results = await pouch.bulkDocs({ docs }, { new_edits: newEdits })
    } catch (err) {
      if (isOfFiles(err)) await this.letGo(pouch)
      throw fromPouch(err)
    }
    this.emit('change')
    return results.map(row => {
      if (!row.error) return { ok: true, id: row.id, rev: row.rev }
      const refused = fromPouch(row)
      return { id: row.id, error: refused.error, reason: refused.reason, status: refused.status }
    })
  }

  /** Documents whose last change is after a sequence. */
  async countAfter (seq) {
    return (await this.index.update(await this.open())).countAfter(seq)
  }

  /** The answer to GET /db. */
  async info () {
    const pouch = await this.open()
    const { doc_count: count, update_seq: head } = await pouch.info()
    await this.index.update(pouch)
    const deleted = Math.max(0, this.index.total - count)
    return {
      instance_start_time: this.startTime,
      db_name: this.name,
      purge_seq: this.sequences.write(0),
      update_seq: this.sequences.write(head),
      sizes: { file: 0, external: 0, active: 0 },
      props: this.isPartitioned ? { partitioned: true } : {},
      doc_del_count: deleted,
      doc_count: count,
      disk_format_version: 8,
      compact_running: false,
      cluster: { q: this.shards, n: 1, w: 1, r: 1 }
    }
  }

  /** Ends every feed and closes the files. */
  async close () {
    this.isGone = true
    this.emit('gone')
    if (!this.opening) return
    const pouch = await this.opening.catch(() => null)
    if (pouch) await pouch.close()
  }
}
