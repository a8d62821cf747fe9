// Attachments, whole.
import { SERVER, send } from './answers.js'
import { readBytes } from './body.js'
import { conflict, fromPouch, methodNotAllowed, notFound } from './errors.js'
import { isUsers, requireSight } from './users.js'
import { readDoc } from './documents.js'
import { writeDoc } from './writes.js'

export async function handleAttachment (ctx, db, id, name) {
  if (isUsers(ctx.config, db)) requireSight(ctx.user, db, id)
  switch (ctx.method) {
    case 'GET': return get(ctx, db, id, name)
    case 'PUT': return put(ctx, db, id, name)
    case 'DELETE': return remove(ctx, db, id, name)
    default: throw methodNotAllowed('DELETE,GET,HEAD,PUT')
  }
}

async function get (ctx, db, id, name) {
  const doc = await readDoc(db, id, { rev: ctx.query.rev })
  const about = doc._attachments?.[name]
  if (!about) throw notFound('Document is missing attachment')
  const pouch = await db.open()
  let data
  try {
    data = await pouch.getAttachment(id, name, ctx.query.rev ? { rev: ctx.query.rev } : {})
  } catch (err) {
    throw fromPouch(err)
  }
  ctx.res.writeHead(200, {
    server: SERVER,
    'cache-control': 'must-revalidate',
    'content-security-policy': 'sandbox',
    'accept-ranges': 'none',
    'content-type': about.content_type ?? 'application/octet-stream',
    'content-length': data.length,
    etag: `"${about.digest.replace(/^md5-/, '')}"`
  })
  ctx.res.end(ctx.req.method === 'HEAD' ? undefined : Buffer.from(data))
}

async function put (ctx, db, id, name) {
  const data = await readBytes(ctx.req)
  const doc = await current(ctx, db, id)
  const type = ctx.req.headers['content-type'] ?? 'application/octet-stream'
  const attachments = { ...doc._attachments, [name]: { content_type: type, data } }
  const { rev } = await writeDoc(ctx, db, { ...doc, _attachments: attachments })
  const location = `http://${ctx.req.headers.host ?? ''}/${encodeURIComponent(db.name)}/${encodeURI(id)}/${encodeURI(name)}`
  send(ctx, 201, { ok: true, id, rev }, { location })
}

async function remove (ctx, db, id, name) {
  const doc = await current(ctx, db, id)
  const { [name]: removed, ...rest } = doc._attachments ?? {}
  if (!removed) throw notFound('Document is missing attachment')
  const { _attachments, ...bare } = doc
  const kept = Object.keys(rest).length > 0 ? { ...bare, _attachments: rest } : bare
  const { rev } = await writeDoc(ctx, db, kept)
  send(ctx, 200, { ok: true, id, rev })
}

/** The document that an attachment goes to; a new one where there is none. The revision given must be its last. */
async function current (ctx, db, id) {
  const rev = ctx.query.rev ?? ctx.req.headers['if-match']?.replace(/"/g, '')
  let doc
  try {
    doc = await readDoc(db, id)
  } catch (err) {
    if (err.status !== 404 || rev) throw err.status === 404 ? conflict() : err
    return { _id: id }
  }
  if (doc._rev !== rev) throw conflict()
  return doc
}
