// Keeps the replications that the documents of _replicator ask for: starts, watches, tries again, writes ends back.
import { readChanges } from '../changes.js'
import { parseReplication } from './document.js'
import { fetchFilter } from './filter.js'
import { Link, timeText } from './link.js'

const DATABASE = '_replicator'
const TRIES = 5
const ENDS = new Set(['completed', 'failed'])

export class Scheduler {
  constructor ({ config, log, databases, nodeName }) {
    this.config = config
    this.log = log
    this.databases = databases
    this.nodeName = nodeName
    this.links = new Map()
    this.transient = new Map()
    this.seq = 0
    this.isStopped = false
    this.scanning = Promise.resolve()
  }

  /** Looks at the documents after `[replicator] cluster_start_period`, as CouchDB does. */
  start () {
    const period = Math.max(0.5, this.config.number('replicator', 'cluster_start_period'))
    this.starting = setTimeout(() => {
      this.isStarted = true
      const db = this.databases.find(DATABASE)
      if (db) this.onDatabase(db)
    }, period * 1000)
    this.tickLater()
  }

  onConfig () {
    clearTimeout(this.ticking)
    this.tickLater()
  }

  tickLater () {
    if (this.isStopped) return
    this.ticking = setTimeout(() => {
      this.tick()
      this.tickLater()
    }, Math.max(100, this.config.number('replicator', 'interval')))
  }

  /** Starts what is due after a failure, then what waits for a place. */
  tick () {
    for (const link of this.links.values()) {
      if (!link.isDue) continue
      if (link.replication) this.launch(link)
      else this.prepare(link, link.body)
    }
    this.fill()
  }

  onDatabase (db) {
    if (db.name !== DATABASE || !this.isStarted || this.isStopped) return
    this.seq = 0
    this.db = db
    this.scanning = Promise.resolve() // a read of one that was deleted meanwhile may never end
    db.on('change', () => this.scan())
    db.on('gone', () => { if (this.db === db) this.forgetAll() })
    this.scan()
  }

  forgetAll () {
    for (const link of this.links.values()) link.stop()
    this.links.clear()
    this.db = null
  }

  scan () {
    const onError = err => this.log.warning(`the replicator could not read its documents: ${err.message}`)
    this.scanning = this.scanning.then(() => this.scanOnce()).catch(onError)
    return this.scanning
  }

  async scanOnce () {
    const db = this.db
    if (!db || this.isStopped) return
    const { rows, last } = await readChanges(db, { since: this.seq, options: { include_docs: true } })
    if (this.db !== db) return // made again meanwhile: the new one is read from its start
    this.seq = last
    for (const { id, deleted, doc } of rows) {
      if (this.db !== db) return
      if (id.startsWith('_design/')) continue
      if (deleted) await this.remove(id)
      else await this.take(doc)
    }
  }

  async remove (docId) {
    const link = this.links.get(docId)
    this.links.delete(docId)
    await link?.stop()
    this.fill()
  }

  /** A document as it is now. One that says the same as before changes nothing, so its run and its history stay. */
  async take (doc) {
    const old = this.links.get(doc._id)
    if (ENDS.has(doc._replication_state)) {
      await old?.stop()
      this.links.set(doc._id, this.ended(doc))
      return
    }
    if (old && !ENDS.has(old.state) && old.key === this.keyOf(doc)) return
    await old?.stop()
    const link = new Link({ docId: doc._id, database: DATABASE, config: this.config, onEnd: (one, job) => this.onEnd(one, job) })
    link.key = this.keyOf(doc)
    this.links.set(doc._id, link)
    await this.prepare(link, doc)
  }

  keyOf (doc) {
    return this.parse(doc).key
  }

  parse (doc) {
    return parseReplication(doc, this.config.get('couchdb', 'uuid'))
  }

  /** A link that ended for good, as its document tells it. */
  ended (doc) {
    const link = new Link({ docId: doc._id, database: DATABASE, config: this.config })
    const { start_time: start, ...stats } = doc._replication_stats ?? {}
    const updated = new Date(doc._replication_state_time ?? Date.now())
    const failed = doc._replication_state === 'failed'
    const { source, target } = this.parse(doc)
    return Object.assign(link, {
      state: doc._replication_state,
      errorCount: failed ? 1 : 0,
      final: failed ? { error: doc._replication_state_reason ?? null } : stats,
      ends: { source: source.url, target: target.url },
      startTime: new Date(start ?? updated),
      lastUpdated: updated
    })
  }

  async prepare (link, doc) {
    link.body = doc
    const replication = this.parse(doc)
    try {
      await fetchFilter(replication, this.config)
    } catch (err) {
      link.refuse(err.message, 'error')
      return
    }
    const owner = [...this.links.values()]
      .find(other => other !== link && other.replication?.id === replication.id && !ENDS.has(other.state))
    if (owner) return this.fail(link, replication, owner)
    link.assign(replication)
    this.launch(link)
  }

  /** A second document for one replication is told so and never runs. */
  async fail (link, replication, owner) {
    const reason = `Replication \`${replication.id}\` specified by document \`${link.docId}\` already started, ` +
      `triggered by document \`${owner.docId}\` from db \`${owner.database}\``
    await this.writeBack(link, { _replication_state: 'failed', _replication_state_reason: reason })
    Object.assign(link, { error: reason, errorCount: 1, ends: { source: replication.source.url, target: replication.target.url } })
    link.set('failed')
  }

  launch (link) {
    const most = this.config.number('replicator', 'max_jobs')
    if (this.runningCount() < most) link.start()
    else link.set('pending')
  }

  runningCount () {
    return this.all().filter(link => link.state === 'running').length
  }

  fill () {
    for (const link of this.links.values()) {
      if (link.state === 'pending') this.launch(link)
    }
  }

  async onEnd (link) {
    if (this.isStopped) return
    if (link.isDone) {
      const { source_seq: _source, through_seq: _through, ...stats } = link.stats
      link.final = { ...stats, changes_pending: null }
      await this.writeBack(link, {
        _replication_state: 'completed',
        _replication_stats: { ...link.final, start_time: timeText(link.startTime) }
      })
      link.set('completed')
    } else {
      this.log.warning(`replication ${link.docId} crashed: ${link.error}`)
    }
    this.fill()
  }

  /** Writes an end into its document, unless that has become another one meanwhile. The state is told only afterwards. */
  async writeBack (link, state) {
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const doc = await (await this.db.open()).get(link.docId)
        if (this.links.get(link.docId) !== link || this.keyOf(doc) !== link.key) return
        const clean = Object.fromEntries(Object.entries(doc).filter(([name]) => !name.startsWith('_replication_')))
        const [row] = await this.db.write([{ ...clean, ...state, _replication_state_time: timeText(new Date()) }])
        if (row.ok) return
      }
    } catch (err) {
      if (err.status !== 404) this.log.warning(`the end of replication ${link.docId} was not written: ${err.message}`)
    }
  }

  /** All links, those of POST /_replicate too. */
  all () {
    return [...this.links.values(), ...this.transient.values()]
  }

  async stop () {
    this.isStopped = true
    clearTimeout(this.starting)
    clearTimeout(this.ticking)
    await Promise.allSettled(this.all().map(link => link.stop({ now: true })))
  }
}
