// The two ends of a run as PouchDB databases, with counters around what goes through them.
import { replicatingPouch } from '../pouch.js'
import { ReplicationError } from './client.js'

const BULK_GET = '_bulk_get?revs=true&latest=true'

function open (client, see) {
  const Pouch = replicatingPouch()
  const url = client.url.replace(/\/$/, '')
  return new Pouch(url, { adapter: new URL(url).protocol.slice(0, -1), skip_setup: true, fetch: client.fetch(see) })
}

/** The source. `count` gets what was read; `onChanges` the sequences of a page of its changes, and how many are left after it. */
export function openSource (client, { baseId, count, onChanges }) {
  const pouch = open(client, (url, value) => {
    if (url.includes('/_changes?') && typeof value.pending === 'number') onChanges(value.results.map(row => String(row.seq)), value.pending)
  })
  pouch.id = async () => baseId
  // PouchDB asks after each batch, for a progress bar that nobody sees.
  pouch.info = async () => ({ db_name: client.url, update_seq: 0 })
  pouch.bulkGet = async ({ docs }) => {
    const answer = await client.send('POST', BULK_GET, { docs })
    if (answer.status !== 200) throw new ReplicationError('request_failed', `POST ${client.url}${BULK_GET} was answered ${answer.status}`)
    const { results } = answer.json()
    const read = results.flatMap(row => row.docs).filter(doc => doc.ok).length
    count({ docs_read: read, bulk_get_docs: read, bulk_get_attempts: docs.length })
    return { results }
  }
  return pouch
}

/**
 * The target. PouchDB's own checkpoint stays in memory: it says where to start and, to `onReached`, how far it is. What is written
 * to the databases is CouchDB's log (checkpoint.js).
 */
export function openTarget (client, { startSeq, count, onReached }) {
  const pouch = open(client)
  const { revsDiff, bulkDocs } = pouch
  let local = { version: 1, last_seq: startSeq, session_id: 'none', history: [] }
  pouch.id = async () => ''
  pouch.get = async id => ({ ...local, _id: id })
  pouch.put = async doc => {
    local = doc
    onReached(String(doc.last_seq))
    return { ok: true }
  }
  pouch.revsDiff = async asked => {
    const missing = await revsDiff(asked)
    const found = Object.values(missing).map(one => one.missing)
    count({ revisions_checked: Object.values(asked).flat().length, missing_revisions_found: found.flat().length })
    return missing
  }
  pouch.bulkDocs = async (body, options) => {
    const rows = await bulkDocs(body, options)
    const refused = rows.filter(row => row.error)
    // CouchDB counts any refused document and goes on; PouchDB does so only for these names.
    for (const row of refused) row.name = 'forbidden'
    count({ docs_written: body.docs.length - refused.length, doc_write_failures: refused.length })
    return rows
  }
  return pouch
}
