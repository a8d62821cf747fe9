// Checkpoints of a replication: one local document on each side, with the sessions they have in common.
import { ReplicationError } from './client.js'

const MOST_HISTORY = 50
const START = 0

/** Reads both sides' logs, finds where to start, and writes how far it went. */
export class Checkpoint {
  constructor (baseId, source, target, { isKept }) {
    this.path = `_local/${baseId}`
    this.isKept = isKept
    this.sides = [{ client: source, name: 'source' }, { client: target, name: 'target' }]
  }

  /** The sequence to start from: that of the last session which both sides know, else the start. */
  async read () {
    for (const side of this.sides) {
      const answer = await side.client.request('GET', this.path)
      side.log = answer.status === 200 ? answer.json() : { history: [] }
      side.startTime = startTimeIn(await side.client.send('POST', '_ensure_full_commit', {}))
    }
    const [source, target] = this.sides.map(side => side.log)
    this.history = []
    if (source.session_id !== undefined && source.session_id === target.session_id) {
      this.history = source.history
      return source.source_last_seq
    }
    const known = new Map(target.history.map(entry => [entry.session_id, entry]))
    const common = source.history.findIndex(entry => known.has(entry.session_id))
    if (common < 0) return START
    this.history = source.history.slice(common)
    return source.history[common].recorded_seq
  }

  /**
   * Writes a session's entry on both sides. Throws when a side's database is another one than at the start (deleted and made
   * again) or somebody else wrote the log: then what was replicated must be looked at from the start.
   */
  async write (entry) {
    if (!this.isKept) return
    const log = {
      session_id: entry.session_id,
      source_last_seq: entry.recorded_seq,
      replication_id_version: 4,
      history: [entry, ...this.history.filter(old => old.session_id !== entry.session_id)].slice(0, MOST_HISTORY)
    }
    for (const side of this.sides) {
      const answer = await side.client.send('POST', '_ensure_full_commit', {})
      if (startTimeIn(answer) !== side.startTime) {
        throw commitFailure(`${capital(side.name)} database out of sync.`)
      }
    }
    // The target first: a log only at the source would claim what the target may have lost.
    for (const side of this.sides.toReversed()) await this.put(side, log)
  }

  async put (side, log) {
    for (let tries = 0; tries < 2; tries++) {
      const rev = side.log._rev ? { _rev: side.log._rev } : {}
      const answer = await side.client.send('PUT', this.path, { ...log, ...rev })
      if (answer.status === 201) {
        side.log = { ...log, _rev: answer.json().rev }
        return
      }
      if (answer.status === 409) {
        // An own write whose answer got lost is no conflict.
        const now = (await side.client.request('GET', this.path)).json()
        if (now.session_id === log.session_id) {
          side.log = now
          continue
        }
      }
      break
    }
    throw commitFailure(`Error updating the ${side.name} checkpoint document`)
  }
}

const commitFailure = why => new ReplicationError('checkpoint_commit_failure', `{checkpoint_commit_failure,<<"${why}">>}`)

const capital = word => word[0].toUpperCase() + word.slice(1)

const startTimeIn = answer => answer.status === 201 ? answer.json().instance_start_time : null
