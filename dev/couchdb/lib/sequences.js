// Update sequences as clients see them: opaque texts "N-...", bound to one database of one server.
import crypto from 'node:crypto'
import { badRequest } from './errors.js'

/** Writes and reads the sequences of one database. */
export class Sequences {
  constructor (identity) {
    this.mark = crypto.createHash('sha256').update(identity).digest('base64url')
  }

  write (number) {
    return `${number}-${this.mark}`
  }

  /**
   * The number in a `since`. A sequence of another database (another node, or one made anew under the same name) counts from the
   * start, as CouchDB does for shards it does not know.
   */
  read (text, head) {
    if (text === undefined || text === null || text === '') return 0
    if (text === 'now') return head
    const found = /^"?(\d+)(?:-([^"]*))?"?$/.exec(String(text))
    if (!found) throw badRequest(`Invalid sequence: ${text}`)
    if (found[2] !== undefined && found[2] !== this.mark) return 0
    return Number(found[1])
  }
}
