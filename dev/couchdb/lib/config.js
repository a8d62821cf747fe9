// Settings: ini files in layers (later ones win), the last one written at run time, and values kept in memory only.
import { readIni, sectionOf, writeIni } from './ini.js'

const DEFAULTS = {
  chttpd: { bind_address: '127.0.0.1', port: '5984' },
  chttpd_auth: { authentication_db: '_users', timeout: '600', iterations: '600000' },
  chttpd_auth_lockout: { mode: 'enforce', threshold: '5', max_lifetime: '300000' },
  couchdb: { database_dir: './data', max_document_size: '8000000', single_node: 'false' },
  log: { level: 'info' },
  replicator: {
    checkpoint_interval: '30000',
    cluster_start_period: '5',
    connection_timeout: '30000',
    health_threshold: '120',
    interval: '60000',
    max_jobs: '500',
    retries_per_request: '5',
    startup_jitter: '5000',
    worker_batch_size: '500'
  }
}

/**
 * The settings of one server.
 *
 * Rules measured on CouchDB 3.5.0: a PUT goes to the last ini file, `X-Couch-Persist: false` keeps it in memory, a DELETE falls
 * back to what a lower file says, and a restart forgets what was in memory only.
 */
export class Config {
  constructor (files) {
    if (files.length === 0) throw new Error('no ini file is given: set COUCHDB_INI_FILES')
    this.files = files
    this.reload()
  }

  /** Reads the files again and forgets what was kept in memory only. */
  reload () {
    this.layers = this.files.map(readIni)
    this.memory = new Map()
  }

  get lastFile () {
    return this.files[this.files.length - 1]
  }

  /** What a section says, without the built-in defaults; the form of `_node/_local/_config/SECTION`. */
  section (name) {
    const values = {}
    for (const layer of [...this.layers, this.memory]) {
      for (const [key, value] of layer.get(name) ?? []) values[key] = value
    }
    return values
  }

  all () {
    const names = new Set([...this.layers, this.memory].flatMap(layer => [...layer.keys()]))
    const found = {}
    for (const name of names) {
      const values = this.section(name)
      if (Object.keys(values).length > 0) found[name] = values
    }
    return found
  }

  /** A value that was set, or undefined. */
  explicit (section, key) {
    for (const layer of [this.memory, ...this.layers.toReversed()]) {
      const value = layer.get(section)?.get(key)
      if (value !== undefined) return value
    }
    return undefined
  }

  /** A value, or its built-in default, or undefined. */
  get (section, key) {
    return this.explicit(section, key) ?? DEFAULTS[section]?.[key]
  }

  number (section, key) {
    const value = Number(this.get(section, key))
    return Number.isFinite(value) ? value : Number(DEFAULTS[section]?.[key] ?? 0)
  }

  isTrue (section, key) {
    return this.get(section, key) === 'true'
  }

  set (section, key, value, { persist = true } = {}) {
    if (!persist) {
      sectionOf(this.memory, section).set(key, value)
      return
    }
    this.memory.get(section)?.delete(key)
    sectionOf(this.layers[this.layers.length - 1], section).set(key, value)
    this.save()
  }

  delete (section, key, { persist = true } = {}) {
    this.memory.get(section)?.delete(key)
    if (!persist) return
    this.layers[this.layers.length - 1].get(section)?.delete(key)
    this.save()
  }

  save () {
    writeIni(this.lastFile, this.layers[this.layers.length - 1])
  }
}
