// One replication as the scheduler knows it: its document, its state, its runs.
import { backOff } from './backoff.js'
import { Job, Stats } from './job.js'

const MOST_HISTORY = 20

/** Times as CouchDB writes them: whole seconds, UTC. */
export const timeText = date => date.toISOString().replace(/\.\d+Z$/, 'Z')

/**
 * States: initializing (just seen), pending (waits for a place), running, crashing (waits for its next try), error (could
 * not become a job), completed and failed (ended for good).
 */
export class Link {
  constructor ({ docId, database, config, onEnd, user = null }) {
    this.docId = docId
    this.database = database
    this.config = config
    this.onEnd = onEnd
    this.user = user
    this.state = 'initializing'
    this.errorCount = 0
    this.error = null
    this.isDone = false
    this.final = null
    this.replication = null
    this.stats = new Stats()
    this.history = []
    this.startTime = new Date()
    this.lastUpdated = this.startTime
    this.nextTry = 0
  }

  set (state) {
    this.state = state
    this.lastUpdated = new Date()
  }

  note (type, reason) {
    const event = { timestamp: timeText(new Date()), type }
    if (reason !== undefined) event.reason = reason
    this.history = [event, ...this.history].slice(0, MOST_HISTORY)
  }

  /** Takes a parsed replication as its work. */
  assign (replication) {
    this.replication = replication
    this.set('pending')
    this.note('added')
  }

  /** Starts a run, after a random part of `[replicator] startup_jitter`. */
  start () {
    this.set('running')
    this.note('started')
    const job = new Job(this.replication, this.config, this.stats)
    this.job = job
    this.began = Date.now()
    job.onProgress = () => { this.lastUpdated = new Date() }
    const jitter = Math.random() * this.config.number('replicator', 'startup_jitter')
    this.timer = setTimeout(() => {
      job.run().then(() => this.ended(job), err => this.crashed(job, err))
    }, jitter)
  }

  ended (job) {
    if (this.job !== job || job.isStopped) return
    this.job = null
    this.isDone = true
    this.onEnd(this, job)
  }

  crashed (job, err) {
    if (this.job !== job || job.isStopped) return
    this.job = null
    job.stop({ now: true })
    this.failure = err
    this.refuse(err.message, 'crashing')
    this.note('crashed', err.message)
    this.onEnd(this, job)
  }

  /** Goes into a state that is tried again later. A long healthy run forgets earlier failures. */
  refuse (reason, state) {
    const healthy = state === 'crashing' && Date.now() - this.began > this.config.number('replicator', 'health_threshold') * 1000
    this.errorCount = healthy ? 1 : this.errorCount + 1
    this.error = reason
    this.nextTry = Date.now() + backOff(this.errorCount)
    this.set(state)
  }

  get isDue () {
    return ['crashing', 'error'].includes(this.state) && Date.now() >= this.nextTry
  }

  async stop (options) {
    clearTimeout(this.timer)
    const { job } = this
    this.job = null
    await job?.stop(options)
  }

  info () {
    if (this.final) return this.final
    if (this.error !== null && ['crashing', 'error', 'failed'].includes(this.state)) return { error: this.error }
    if (this.stats.revisions_checked === 0 && this.stats.through_seq === '0') return null
    return { ...this.stats }
  }
}
