// Single documents: GET, HEAD, PUT, DELETE, COPY, and the local ones.
import { readBytes, readObject } from './body.js'
import { badRequest, conflict, fromPouch, methodNotAllowed, notFound } from './errors.js'
import { begin, send } from './answers.js'
import { boundaryOf, newBoundary, partOf, readRelated, writeParts } from './multipart.js'
import { requireSight, isUsers } from './users.js'
import { writeDoc } from './writes.js'
import { leavesOf } from './pouch.js'

/** Reads one document with the query's options (rev, revs, conflicts, attachments ...). Throws 404. */
export async function readDoc (db, id, query = {}) {
  const pouch = await db.open()
  const is = key => query[key] === 'true'
  const all = is('meta')
  const options = {
    revs: is('revs'),
    revs_info: all || is('revs_info'),
    conflicts: all || is('conflicts'),
    attachments: is('attachments'),
    latest: is('latest')
  }
  if (query.rev) options.rev = query.rev
  try {
    const doc = await pouch.get(id, options)
    if (query.rev && doc._rev !== query.rev && !options.latest) throw notFound('missing')
    if (all || is('deleted_conflicts')) addDeletedConflicts(doc, await treeOf(pouch, id))
    return ordered(doc)
  } catch (err) {
    throw fromPouch(err)
  }
}

/** Id and revision first, as CouchDB writes them. */
export function ordered ({ _id, _rev, ...rest }) {
  return { _id, _rev, ...rest }
}

function addDeletedConflicts (doc, tree) {
  const gone = leavesOf(tree).filter(leaf => leaf.opts.deleted && leaf.rev !== doc._rev).map(leaf => leaf.rev)
  if (gone.length > 0) doc._deleted_conflicts = gone
}

/** The revision tree of a document, null where there is none. */
export function treeOf (pouch, id) {
  return new Promise((resolve, reject) => {
    pouch._getRevisionTree(id, (err, tree) => {
      if (!err) resolve(tree)
      else if (err.status === 404) resolve(null)
      else reject(err)
    })
  })
}

async function readOpenRevs (ctx, db, id) {
  const pouch = await db.open()
  const open = ctx.query.open_revs === 'all' ? 'all' : parseRevs(ctx.query.open_revs)
  const tree = await treeOf(pouch, id)
  if (!tree) {
    if (open === 'all') throw notFound('missing')
    return open.map(missing => ({ missing }))
  }
  const options = { open_revs: open, revs: ctx.query.revs === 'true', latest: ctx.query.latest === 'true' }
  const rows = await pouch.get(id, { ...options, attachments: ctx.query.attachments === 'true' || wantsParts(ctx) })
  return rows.map(row => row.ok ? { ok: ordered(row.ok) } : row)
}

/** Only who names it gets MIME parts; CouchDB sends them to anyone who does not insist on JSON. */
const wantsParts = ctx => /multipart\/mixed/i.test(ctx.req.headers.accept ?? '')

async function sendOpenRevs (ctx, db, id) {
  const rows = await readOpenRevs(ctx, db, id)
  if (!wantsParts(ctx)) return send(ctx, 200, rows)
  const boundary = newBoundary()
  const missing = row => ({ headers: { 'Content-Type': 'application/json; error="true"' }, body: JSON.stringify(row) })
  begin(ctx, `multipart/mixed; boundary="${boundary}"`)
  ctx.res.end(writeParts(rows.map(row => row.ok ? partOf(row.ok) : missing(row)), boundary))
}

function parseRevs (text) {
  try {
    const revs = JSON.parse(text)
    if (Array.isArray(revs)) return revs
  } catch { /* said below */ }
  throw badRequest('open_revs must be "all" or a JSON array')
}

const revOf = ctx => ctx.query.rev ?? ctx.req.headers['if-match']?.replace(/"/g, '')

export async function handleDocument (ctx, db, id) {
  switch (ctx.method) {
    case 'GET': return get(ctx, db, id)
    case 'PUT': return put(ctx, db, id)
    case 'DELETE': return remove(ctx, db, id)
    case 'COPY': return copy(ctx, db, id)
    default: throw methodNotAllowed('DELETE,GET,HEAD,POST,PUT,COPY')
  }
}

async function get (ctx, db, id) {
  if (isUsers(ctx.config, db)) requireSight(ctx.user, db, id)
  if (ctx.query.open_revs) return sendOpenRevs(ctx, db, id)
  const doc = await readDoc(db, id, ctx.query)
  const etag = `"${doc._rev}"`
  if (ctx.req.headers['if-none-match'] === etag) return send(ctx, 304, undefined, { etag })
  send(ctx, 200, doc, { etag })
}

async function put (ctx, db, id) {
  const boundary = boundaryOf(ctx.req.headers['content-type'])
  const doc = boundary ? readRelated(await readBytes(ctx.req), boundary) : await readObject(ctx.req)
  ctx.bytes = Number(ctx.req.headers['content-length'] ?? Infinity)
  if (doc._id !== undefined && doc._id !== id) throw badRequest('Document ID in body does not match the URL')
  const rev = revOf(ctx)
  if (rev && doc._rev && rev !== doc._rev) throw badRequest('Document rev from request body and query string have different values')
  if (rev) doc._rev = rev
  await sendWritten(ctx, db, await store(ctx, db, { ...doc, _id: id }), 201)
}

async function store (ctx, db, doc) {
  if (doc._id.startsWith('_local/')) return writeLocal(ctx, db, doc)
  return writeDoc(ctx, db, doc, { newEdits: ctx.query.new_edits !== 'false' })
}

/** Local documents are kept apart: no revision tree, no place in the changes. */
async function writeLocal (ctx, db, doc) {
  const pouch = await db.open()
  ctx.requireAlive()
  try {
    return doc._deleted ? await pouch.remove(doc) : await pouch.put(doc)
  } catch (err) {
    throw fromPouch(err)
  }
}

async function remove (ctx, db, id) {
  const rev = revOf(ctx)
  if (id.startsWith('_local/')) {
    const doc = await readDoc(db, id)
    await sendWritten(ctx, db, await writeLocal(ctx, db, { ...doc, _deleted: true }), 200)
    return
  }
  if (!rev) {
    await readDoc(db, id)
    throw conflict()
  }
  await sendWritten(ctx, db, await writeDoc(ctx, db, { _id: id, _rev: rev, _deleted: true }), 200)
}

async function copy (ctx, db, id) {
  const [target, query] = (ctx.req.headers.destination ?? '').split('?')
  if (!target) throw badRequest('Destination header is mandatory for COPY.')
  const doc = await readDoc(db, id, { ...ctx.query, attachments: 'true' })
  const rev = new URLSearchParams(query ?? '').get('rev')
  const { _rev, ...rest } = doc
  const copied = { ...rest, _id: decodeURIComponent(target), ...(rev ? { _rev: rev } : {}) }
  await sendWritten(ctx, db, await store(ctx, db, copied), 201)
}

async function sendWritten (ctx, db, { id, rev }, status) {
  const headers = { etag: `"${rev}"` }
  if (status === 201) headers.location = `http://${ctx.req.headers.host ?? ''}/${encodeURIComponent(db.name)}/${encodeURI(id)}`
  send(ctx, ctx.query.batch === 'ok' ? 202 : status, { ok: true, id, rev }, headers)
}
