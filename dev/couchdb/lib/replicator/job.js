// One run of a replication: PouchDB's algorithm between two HTTP ends, with CouchDB's counters and checkpoints around it.
import { replicatingPouch } from '../pouch.js'
import { newUuid } from '../uuids.js'
import { Checkpoint } from './checkpoint.js'
import { Client, ReplicationError } from './client.js'
import { openSource, openTarget } from './ends.js'

const FEED_HEARTBEAT = 10000
const LAST_SAVE = 1000

/** Counters that go on over the runs of one replication. */
export class Stats {
  constructor () {
    this.revisions_checked = 0
    this.missing_revisions_found = 0
    this.docs_read = 0
    this.docs_written = 0
    this.changes_pending = null
    this.doc_write_failures = 0
    this.bulk_get_docs = 0
    this.bulk_get_attempts = 0
    this.checkpointed_source_seq = '0'
    this.source_seq = '0'
    this.through_seq = '0'
  }
}

export class Job {
  /** `replication` as parsed, `config` for the replicator's settings; `stats` are counted up. */
  constructor (replication, config, stats = new Stats()) {
    this.replication = replication
    this.config = config
    this.stats = stats
    this.session = newUuid()
    this.startTime = new Date()
    this.isStopped = false
    this.isOpen = false // whether both ends were reached: from then on it is an active task
    this.base = { ...stats }
    this.writing = Promise.resolve()
    this.underway = []
    this.left = 0
  }

  option (name) {
    return this.replication.options[name] ?? this.config.number('replicator', name)
  }

  /** Runs to the end: resolves for a one-shot that is complete, rejects with what broke it. A stopped run resolves too. */
  async run () {
    const { source, target, options } = this.replication
    const settings = { timeout: this.option('connection_timeout'), retries: this.option('retries_per_request') }
    this.source = new Client(source, settings)
    this.target = new Client(target, settings)
    await this.source.login()
    await this.target.login()
    await this.openDatabase(this.source, false)
    await this.openDatabase(this.target, options.create_target === true)
    const isKept = options.use_checkpoints !== false
    this.checkpoint = new Checkpoint(this.replication.baseId, this.source, this.target, { isKept })
    const known = await this.checkpoint.read()
    this.startSeq = options.since_seq ?? known
    const from = String(this.startSeq)
    Object.assign(this.stats, { source_seq: from, through_seq: from, checkpointed_source_seq: from })
    if (this.isStopped) return
    this.isOpen = true
    const ticking = setInterval(() => this.saveOrFail(), this.option('checkpoint_interval'))
    try {
      await this.replicate()
      if (!this.isStopped) await this.save()
    } catch (err) {
      if (!this.isStopped) throw this.failure ?? err
    } finally {
      clearInterval(ticking)
    }
  }

  async openDatabase (client, create) {
    let answer = await client.request('GET', '')
    if (answer.status === 404 && create) {
      await client.request('PUT', '')
      answer = await client.request('GET', '')
    }
    if (answer.status === 401 || answer.status === 403) {
      throw new ReplicationError('unauthorized', `unauthorized: unauthorized to access or create database ${client.url}`)
    }
    if (answer.status !== 200) throw new ReplicationError('db_not_found', `db_not_found: could not open ${client.url}`)
  }

  async replicate () {
    const count = more => this.count(more)
    const { baseId } = this.replication
    const source = openSource(this.source, { baseId, count, onChanges: (seqs, left) => this.changesRead(seqs, left) })
    const target = openTarget(this.target, {
      startSeq: this.startSeq,
      count,
      onReached: seq => this.reached(seq)
    })
    try {
      await this.follow(source, target)
    } finally {
      await Promise.allSettled([source.close(), target.close()])
    }
  }

  /** What waits is what the source has not given yet, and what it gave and is not on the target yet, as in CouchDB. */
  changesRead (seqs, left) {
    this.underway.push(...seqs)
    this.left = left
    this.stats.changes_pending = left + this.underway.length
  }

  /** All up to this sequence is on the target; of one that no change had, nothing is known to be under way. */
  reached (seq) {
    const at = this.underway.indexOf(seq)
    this.underway.splice(0, at < 0 ? this.underway.length : at + 1)
    Object.assign(this.stats, { source_seq: seq, through_seq: seq, changes_pending: this.left + this.underway.length })
  }

  follow (source, target) {
    const { options } = this.replication
    this.running = replicatingPouch().replicate(source, target, {
      live: options.continuous === true,
      retry: false,
      checkpoint: 'target',
      batch_size: this.option('worker_batch_size'),
      heartbeat: FEED_HEARTBEAT,
      filter: options.filter,
      query_params: options.query_params,
      doc_ids: options.doc_ids,
      selector: options.selector,
      style: options.winning_revs_only ? 'main_only' : 'all_docs'
    })
    return new Promise((resolve, reject) => {
      this.release = resolve
      this.running.on('complete', resolve)
      this.running.on('error', err => reject(this.failure ?? new ReplicationError(err.name ?? 'error', reasonOf(err))))
      this.fail = err => {
        this.failure = err
        this.cancel()
        reject(err)
      }
    })
  }

  count (more) {
    for (const [name, by] of Object.entries(more)) this.stats[name] += by
    this.onProgress?.()
  }

  /** This run's entry for the logs and for the answer of POST /_replicate. */
  entry () {
    const since = name => this.stats[name] - this.base[name]
    return {
      session_id: this.session,
      start_time: this.startTime.toUTCString(),
      end_time: new Date().toUTCString(),
      start_last_seq: this.startSeq,
      end_last_seq: this.stats.through_seq,
      recorded_seq: this.stats.through_seq,
      missing_checked: since('revisions_checked'),
      missing_found: since('missing_revisions_found'),
      docs_read: since('docs_read'),
      docs_written: since('docs_written'),
      doc_write_failures: since('doc_write_failures'),
      bulk_get_docs: since('bulk_get_docs'),
      bulk_get_attempts: since('bulk_get_attempts')
    }
  }

  get isUnchanged () {
    return this.stats.through_seq === String(this.startSeq)
  }

  save () {
    this.writing = this.writing.catch(() => {}).then(async () => {
      const { through_seq: through, checkpointed_source_seq: saved } = this.stats
      if (!this.checkpoint || through === saved) return
      await this.checkpoint.write(this.entry())
      this.stats.checkpointed_source_seq = through
    })
    return this.writing
  }

  saveOrFail () {
    this.save().catch(err => { if (!this.isStopped) this.fail?.(err) })
  }

  cancel () {
    this.running?.cancel()
    this.source?.abort()
  }

  /** Ends a run. A last checkpoint is tried for a second, unless `now`. */
  async stop ({ now = false } = {}) {
    if (this.isStopped) return
    this.isStopped = true
    this.running?.cancel()
    if (!now && this.checkpoint) await within(LAST_SAVE, this.save().catch(() => {}))
    this.source?.abort()
    this.target?.abort()
    this.release?.()
  }
}

/** Waits for a promise, but not longer than that many milliseconds. */
async function within (time, promise) {
  let timer
  await Promise.race([promise, new Promise(resolve => { timer = setTimeout(resolve, time) })])
  clearTimeout(timer)
}

function reasonOf (err) {
  if (err.word) return err.message
  return [err.name, err.reason ?? err.message].filter(Boolean).join(': ')
}
