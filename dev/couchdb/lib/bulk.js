// Many documents at once: _bulk_docs, _bulk_get, _all_docs, _revs_diff.
import { send } from './answers.js'
import { readObject } from './body.js'
import { badRequest, fromPouch, methodNotAllowed } from './errors.js'
import { ordered, treeOf } from './documents.js'
import { leavesOf, revisionsOf } from './pouch.js'
import { jsonIn, numberIn } from './query.js'
import { isUsers, requireSight } from './users.js'
import { writeDocs } from './writes.js'

export async function handleBulkDocs (ctx, db) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  const { docs, new_edits: newEdits } = await readObject(ctx.req)
  if (!Array.isArray(docs)) throw badRequest('POST body must include `docs` parameter.')
  ctx.bytes = Number(ctx.req.headers['content-length'] ?? Infinity)
  const local = docs.filter(doc => doc?._id?.startsWith?.('_local/'))
  if (local.length > 0) throw badRequest('local documents are written one by one here')
  const rows = await writeDocs(ctx, db, docs, { newEdits: newEdits !== false })
  send(ctx, 201, rows.map(({ status, ...row }) => row))
}

export async function handleBulkGet (ctx, db) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  const { docs } = await readObject(ctx.req)
  if (!Array.isArray(docs)) throw badRequest('Missing JSON list of \'docs\'.')
  const pouch = await db.open()
  const options = {
    revs: ctx.query.revs === 'true',
    latest: ctx.query.latest === 'true',
    attachments: ctx.query.attachments === 'true'
  }
  const results = await Promise.all(docs.map(async ({ id, rev }) => {
    try {
      if (isUsers(ctx.config, db)) requireSight(ctx.user, db, id)
      return { id, docs: await readRevs(pouch, id, rev, options) }
    } catch (err) {
      const known = fromPouch(err)
      return { id, docs: [{ error: { id, rev: rev ?? 'undefined', error: known.error, reason: 'missing' } }] }
    }
  }))
  send(ctx, 200, { results })
}

async function readRevs (pouch, id, rev, options) {
  const rows = await pouch.get(id, { ...options, open_revs: rev ? [rev] : 'all' })
  const missing = row => ({ error: { id, rev: row.missing, error: 'not_found', reason: 'missing' } })
  return rows.map(row => row.ok ? { ok: ordered(row.ok) } : missing(row))
}

const JSON_OPTIONS = { key: 'key', startkey: 'startkey', start_key: 'startkey', endkey: 'endkey', end_key: 'endkey', keys: 'keys' }
const NUMBERS = new Set(['limit', 'skip'])
const FLAGS = new Set(['descending', 'include_docs', 'conflicts', 'inclusive_end', 'update_seq', 'attachments'])

/** Options of a view-like request, from the query and (POST) the body. */
async function readOptions (ctx) {
  const given = ctx.method === 'POST' ? await readObject(ctx.req, { optional: true }) : {}
  const options = {}
  for (const [name, text] of Object.entries(ctx.query)) {
    if (JSON_OPTIONS[name]) options[JSON_OPTIONS[name]] = jsonIn(ctx.query, name)
    else if (NUMBERS.has(name)) options[name] = numberIn(ctx.query, name)
    else if (FLAGS.has(name)) options[name] = text === 'true'
  }
  for (const [name, value] of Object.entries(given)) options[JSON_OPTIONS[name] ?? name] = value
  return options
}

export async function handleAllDocs (ctx, db) {
  if (ctx.method !== 'GET' && ctx.method !== 'POST') throw methodNotAllowed('GET,HEAD,POST')
  const { update_seq: withSeq, ...options } = await readOptions(ctx)
  const pouch = await db.open()
  let found
  try {
    found = await pouch.allDocs(options)
  } catch (err) {
    throw fromPouch(err)
  }
  const rows = found.rows.map(row => {
    if (row.error) return { key: row.key, error: row.error }
    return row.doc ? { ...row, doc: ordered(row.doc) } : row
  })
  const offset = options.keys ? null : found.offset
  const seq = withSeq ? { update_seq: db.sequences.write(await db.head()) } : {}
  send(ctx, 200, { total_rows: found.total_rows, offset, rows, ...seq })
}

export async function handleRevsDiff (ctx, db) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  const asked = await readObject(ctx.req)
  for (const revs of Object.values(asked)) {
    if (!Array.isArray(revs)) throw badRequest('a list of revisions is wanted for each document')
  }
  const pouch = await db.open()
  const missing = await pouch.revsDiff(asked)
  for (const [id, entry] of Object.entries(missing)) {
    const tree = await treeOf(pouch, id)
    if (!tree) continue
    // PouchDB also names revisions whose place it knows and whose body it never had; CouchDB does not (couch_key_tree:find_missing).
    const known = revisionsOf(tree)
    entry.missing = entry.missing.filter(rev => !known.has(rev))
    if (entry.missing.length === 0) {
      delete missing[id]
      continue
    }
    const highest = Math.max(...entry.missing.map(rev => parseInt(rev, 10)))
    const ancestors = leavesOf(tree).map(leaf => leaf.rev).filter(rev => parseInt(rev, 10) < highest)
    if (ancestors.length > 0) entry.possible_ancestors = ancestors
  }
  send(ctx, 200, missing)
}
