// The one way documents get into a database: checks and changes by kind of database, then PouchDB.
import { CouchError, badRequest, tooLarge } from './errors.js'
import { validateReplication } from './replicator/document.js'
import { requireDbAdmin } from './rights.js'
import { isUsers, prepareUser } from './users.js'
import { newUuid } from './uuids.js'
import { checkByDesigns } from './validation.js'

/**
 * Writes documents for a user, one result each (refusals carry their `status`). `newEdits: false` keeps given revisions, as
 * replication does; then only refusals come back.
 */
export async function writeDocs (ctx, db, docs, { newEdits = true } = {}) {
  const taken = []
  const results = new Array(docs.length)
  if (db.isPartitioned) docs.forEach(requirePartition)
  for (const [at, doc] of docs.entries()) {
    if (doc === null || typeof doc !== 'object' || Array.isArray(doc)) throw badRequest('Document must be a JSON object')
    try {
      taken.push({ at, doc: await prepare(ctx, db, { ...doc, _id: idOf(doc) }, newEdits) })
    } catch (err) {
      if (!(err instanceof CouchError)) throw err
      results[at] = { id: doc._id, error: err.error, reason: err.reason, status: err.status }
    }
  }
  ctx.requireAlive()
  const rows = taken.length > 0 ? await db.write(taken.map(one => one.doc), { newEdits }) : []
  if (!newEdits) return [...results.filter(Boolean), ...rows]
  rows.forEach((row, i) => { results[taken[i].at] = row })
  return results
}

/** Writes one document; its {ok, id, rev}. Throws what it was refused for. */
export async function writeDoc (ctx, db, doc, { newEdits = true } = {}) {
  const [row] = await writeDocs(ctx, db, [doc], { newEdits })
  if (row?.error) throw new CouchError(row.status, row.error, row.reason)
  return row ?? { ok: true, id: doc._id, rev: doc._rev }
}

function idOf (doc) {
  if (doc._id === undefined) return newUuid()
  if (typeof doc._id !== 'string') throw badRequest('Document id must be a string')
  if (doc._id === '') throw new CouchError(400, 'illegal_docid', 'Document id must not be empty')
  if (doc._id.startsWith('_') && !/^_(design|local)\/./.test(doc._id)) {
    throw new CouchError(400, 'illegal_docid', 'Only reserved document ids may start with underscore.')
  }
  return doc._id
}

/** Throws 400 for a document that could be in no partition. One without an id gets one that names none (CouchDB's couch_partition). */
function requirePartition (doc) {
  const id = typeof doc?._id === 'string' ? doc._id : ''
  if (/^_(design|local)\/./.test(id) || /^[^_:][^:]*:./.test(id)) return
  throw new CouchError(400, 'illegal_docid', 'Doc id must be of form partition:id')
}

async function prepare (ctx, db, doc, newEdits) {
  const { config, user } = ctx
  if (doc._id.startsWith('_design/')) requireDbAdmin(user, db)
  const most = config.number('couchdb', 'max_document_size')
  if (ctx.bytes > most && JSON.stringify({ ...doc, _attachments: undefined }).length > most) throw tooLarge()
  for (const key of Object.keys(doc)) {
    if (key.startsWith('_') && !KNOWN.has(key)) {
      throw new CouchError(400, 'doc_validation', `Bad special document member: ${key}`)
    }
  }
  if (doc._id.startsWith('_local/')) return doc
  if (isUsers(config, db)) return prepareUser(config, { doc, user, db, old: await current(db, doc._id) })
  if (db.name === '_replicator') {
    if (doc._id.startsWith('_design/') || doc._deleted) return doc
    validateReplication(doc)
    return newEdits ? { ...doc, owner: doc.owner ?? user.name } : doc
  }
  await checkByDesigns(ctx, db, doc, () => current(db, doc._id))
  return doc
}

const KNOWN = new Set(['_id', '_rev', '_deleted', '_attachments', '_revisions', '_revs_info', '_conflicts', '_deleted_conflicts',
  '_local_seq', '_replication_id', '_replication_state', '_replication_state_time', '_replication_state_reason',
  '_replication_stats'])

async function current (db, id) {
  try {
    return await (await db.open()).get(id)
  } catch (err) {
    if (err.status === 404) return null
    throw err
  }
}

