// _find and _index: Mango selectors over a scan of all documents, indexes kept as documents only.
import crypto from 'node:crypto'
import { send } from './answers.js'
import { readObject } from './body.js'
import { ordered } from './documents.js'
import { badRequest, methodNotAllowed, notFound } from './errors.js'
import { matches } from './pouch.js'
import { requireDbAdmin } from './rights.js'
import { writeDoc } from './writes.js'

const NO_INDEX = 'No matching index found, create an index to optimize query time.'

export async function handleFind (ctx, db) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  const { selector, limit = 25, skip = 0, fields, sort = [], bookmark } = await readObject(ctx.req)
  if (typeof selector !== 'object' || selector === null) throw badRequest('Missing required key: selector')
  const from = bookmark && bookmark !== 'nil' ? Number(Buffer.from(bookmark, 'base64url').toString()) || 0 : 0
  const pouch = await db.open()
  const { rows } = await pouch.allDocs({ include_docs: true })
  let docs = rows.map(row => ordered(row.doc)).filter(doc => !doc._id.startsWith('_design/') && matches(doc, selector))
  if (sort.length > 0) docs = sorted(docs, sort)
  const start = from + skip
  docs = docs.slice(start, start + limit)
  const next = docs.length > 0 ? Buffer.from(String(start + docs.length)).toString('base64url') : 'nil'
  send(ctx, 200, { docs: fields?.length ? docs.map(doc => pick(doc, fields)) : docs, bookmark: next, warning: NO_INDEX })
}

const valueAt = (doc, field) => field.split('.').reduce((value, key) => value?.[key], doc)

function sorted (docs, sort) {
  const keys = sort.map(entry => typeof entry === 'string' ? [entry, 'asc'] : Object.entries(entry)[0])
  const order = (a, b) => a === b ? 0 : a === undefined || a < b ? -1 : 1
  return docs.toSorted((one, other) => {
    for (const [field, way] of keys) {
      const found = order(valueAt(one, field), valueAt(other, field))
      if (found !== 0) return way === 'desc' ? -found : found
    }
    return 0
  })
}

function pick (doc, fields) {
  const picked = {}
  for (const field of fields) {
    const value = valueAt(doc, field)
    if (value === undefined) continue
    const path = field.split('.')
    const last = path.pop()
    path.reduce((at, key) => (at[key] ??= {}), picked)[last] = value
  }
  return picked
}

export async function handleIndex (ctx, db, rest) {
  if (ctx.method === 'GET' && rest.length === 0) return list(ctx, db)
  if (ctx.method === 'POST' && rest.length === 0) return create(ctx, db)
  if (ctx.method === 'DELETE' && rest.length >= 3) return remove(ctx, db, rest)
  throw methodNotAllowed('GET,POST,DELETE')
}

async function designs (db) {
  const { rows } = await (await db.open()).allDocs({ startkey: '_design/', endkey: '_design0', include_docs: true })
  return rows.map(row => row.doc).filter(doc => doc.language === 'query')
}

async function list (ctx, db) {
  const made = (await designs(db)).flatMap(doc => Object.entries(doc.views ?? {}).map(([name, view]) => ({
    ddoc: doc._id, name, type: 'json', partitioned: false, def: view.options.def
  })))
  const primary = { ddoc: null, name: '_all_docs', type: 'special', def: { fields: [{ _id: 'asc' }] } }
  send(ctx, 200, { total_rows: made.length + 1, indexes: [primary, ...made] })
}

async function create (ctx, db) {
  requireDbAdmin(ctx.user, db)
  const { index, name, ddoc } = await readObject(ctx.req)
  if (!Array.isArray(index?.fields) || index.fields.length === 0) throw badRequest('Missing required key: index')
  const fields = index.fields.map(field => typeof field === 'string' ? { [field]: 'asc' } : field)
  const hash = crypto.createHash('sha1').update(JSON.stringify(fields)).digest('hex')
  const id = `_design/${(ddoc ?? hash).replace(/^_design\//, '')}`
  const view = { map: { fields: Object.assign({}, ...fields) }, reduce: '_count', options: { def: { fields } } }
  const key = name ?? hash
  const old = (await designs(db)).find(doc => doc._id === id)
  if (old?.views?.[key]) return send(ctx, 200, { result: 'exists', id, name: key })
  await writeDoc(ctx, db, { ...old, _id: id, language: 'query', views: { ...old?.views, [key]: view } })
  send(ctx, 200, { result: 'created', id, name: key })
}

async function remove (ctx, db, rest) {
  requireDbAdmin(ctx.user, db)
  const name = rest.at(-1)
  const id = `_design/${rest.slice(0, -2).join('/').replace(/^_design\//, '')}`
  const doc = (await designs(db)).find(one => one._id === id)
  if (!doc?.views?.[name]) throw notFound('missing')
  const { [name]: gone, ...views } = doc.views
  await writeDoc(ctx, db, Object.keys(views).length > 0 ? { ...doc, views } : { _id: id, _rev: doc._rev, _deleted: true })
  send(ctx, 200, { ok: true })
}
