// From a path to the code that answers it.
import { send } from './answers.js'
import { readBytes, readJson, readObject } from './body.js'
import { badRequest, CouchError, forbidden, methodNotAllowed, notFound, unauthorized } from './errors.js'
import { handleAttachment } from './attachments.js'
import { handleAllDocs, handleBulkDocs, handleBulkGet, handleRevsDiff } from './bulk.js'
import { handleChanges } from './changes.js'
import { handleDocument } from './documents.js'
import { handleFind, handleIndex } from './find.js'
import { handleNode } from './node_api.js'
import { handleActiveTasks, handleReplicate, handleScheduler } from './replicator/api.js'
import { flagIn, jsonIn, numberIn } from './query.js'
import { requireDbAdmin, requireMember, requireServerAdmin } from './rights.js'
import { handleSession } from './session.js'
import { isUsers } from './users.js'
import { newUuid } from './uuids.js'
import { writeDocs } from './writes.js'

const LISTS = new Set(['_all_docs', '_changes', '_find', '_index'])

/** Answers one request whose asker is known. Throws CouchError. */
export async function route (ctx) {
  const [first, ...rest] = ctx.path
  if (first === undefined) return welcome(ctx)
  if (!first.startsWith('_') || ['_users', '_replicator', '_global_changes'].includes(first)) return database(ctx, first, rest)
  switch (first) {
    case '_up': return up(ctx)
    case '_session': return handleSession(ctx)
    case '_all_dbs': return allDbs(ctx)
    case '_dbs_info': return dbsInfo(ctx)
    case '_uuids': return uuids(ctx)
    case '_membership': return membership(ctx)
    case '_node': return handleNode(ctx, rest)
    case '_cluster_setup': return clusterSetup(ctx)
    case '_active_tasks': return handleActiveTasks(ctx)
    case '_scheduler': return handleScheduler(ctx, rest)
    case '_replicate': return handleReplicate(ctx)
    default: throw notFound('Database does not exist.')
  }
}

function welcome (ctx) {
  if (ctx.method !== 'GET') throw methodNotAllowed('GET,HEAD')
  send(ctx, 200, {
    couchdb: 'Welcome',
    version: '3.5.0',
    git_sha: '0000000',
    uuid: ctx.config.get('couchdb', 'uuid'),
    features: ['access-ready', 'scheduler'],
    vendor: { name: 'kanto, a stand-in for CouchDB' }
  })
}

function uuids (ctx) {
  const count = Math.min(numberIn(ctx.query, 'count', 1), 1000)
  send(ctx, 200, { uuids: Array.from({ length: count }, newUuid) })
}

function up (ctx) {
  if (ctx.config.get('couchdb', 'maintenance_mode') === 'true') return send(ctx, 404, { status: 'maintenance_mode' })
  send(ctx, 200, { status: 'ok', seeds: {} })
}

function allDbs (ctx) {
  requireServerAdmin(ctx.user)
  if (ctx.method !== 'GET') throw methodNotAllowed('GET,HEAD')
  send(ctx, 200, pageOf(ctx, ctx.databases.names()))
}

function pageOf (ctx, names) {
  const start = jsonIn(ctx.query, 'startkey') ?? jsonIn(ctx.query, 'start_key')
  const end = jsonIn(ctx.query, 'endkey') ?? jsonIn(ctx.query, 'end_key')
  let found = names.filter(name => !(name < start) && !(name > end))
  if (ctx.query.descending === 'true') found = found.reverse()
  const from = numberIn(ctx.query, 'skip', 0)
  return found.slice(from, from + numberIn(ctx.query, 'limit', Infinity))
}

async function dbsInfo (ctx) {
  requireServerAdmin(ctx.user)
  const names = ctx.method === 'POST' ? (await readObject(ctx.req)).keys : pageOf(ctx, ctx.databases.names())
  if (!Array.isArray(names)) throw badRequest('`keys` member must exist.')
  const rows = await Promise.all(names.map(async key => {
    // As CouchDB does, for a database that cannot be opened as for one that is not there.
    const info = await ctx.databases.find(key)?.info().catch(() => null)
    return info ? { key, info } : { key, error: 'not_found' }
  }))
  send(ctx, 200, rows)
}

function membership (ctx) {
  requireServerAdmin(ctx.user)
  send(ctx, 200, { all_nodes: [ctx.nodeName], cluster_nodes: [ctx.nodeName] })
}

function clusterSetup (ctx) {
  requireServerAdmin(ctx.user)
  const ready = ctx.databases.find('_users') && ctx.databases.find('_replicator')
  send(ctx, 200, { state: ready ? 'single_node_enabled' : 'single_node_disabled' })
}

async function database (ctx, name, rest) {
  const [part, ...more] = rest
  if (part === undefined && ctx.method === 'PUT') {
    requireServerAdmin(ctx.user)
    ctx.requireAlive()
    ctx.databases.create(name, { partitioned: flagIn(ctx.query, 'partitioned'), q: numberIn(ctx.query, 'q', 1) })
    return send(ctx, 201, { ok: true }, { location: `http://${ctx.req.headers.host ?? ''}/${encodeURIComponent(name)}` })
  }
  if (part === undefined && ctx.method === 'DELETE') {
    requireServerAdmin(ctx.user)
    ctx.requireAlive()
    await ctx.databases.delete(name)
    return send(ctx, 200, { ok: true })
  }
  const db = ctx.databases.get(name)
  ctx.db = db
  // Lists of the system databases are for server admins, whatever their security objects say.
  if (LISTS.has(part) && (db.name === '_replicator' || isUsers(ctx.config, db))) requireServerAdmin(ctx.user)
  requireMember(ctx.user, db)
  if (part === undefined) return whole(ctx, db)
  switch (part) {
    case '_all_docs': return handleAllDocs(ctx, db)
    case '_bulk_docs': return handleBulkDocs(ctx, db)
    case '_bulk_get': return handleBulkGet(ctx, db)
    case '_changes': return handleChanges(ctx, db)
    case '_revs_diff': return handleRevsDiff(ctx, db)
    case '_find': return handleFind(ctx, db)
    case '_index': return handleIndex(ctx, db, more)
    case '_security': return security(ctx, db)
    case '_revs_limit': return send(ctx, 200, 1000)
    case '_ensure_full_commit': return fullCommit(ctx, db)
    case '_compact': return compact(ctx, db)
    case '_view_cleanup': return accepted(ctx)
    case '_local_docs': throw notFound('missing')
    default: return documentPath(ctx, db, part, more)
  }
}

function documentPath (ctx, db, part, more) {
  // _design and _local ids have two parts, written with a slash or with %2F.
  const two = part === '_design' || part === '_local'
  if (two && more.length === 0) throw notFound('missing')
  const id = two ? `${part}/${more[0]}` : part
  const rest = two ? more.slice(1) : more
  if (id.startsWith('_') && !/^_(design|local)\//.test(id)) {
    throw badRequest('Only reserved document ids may start with underscore.')
  }
  if (rest.length === 0) return handleDocument(ctx, db, id)
  if (id.startsWith('_design/') && rest[0].startsWith('_')) throw notFound('this stand-in has no views, updates and rewrites')
  return handleAttachment(ctx, db, id, rest.join('/'))
}

async function whole (ctx, db) {
  if (ctx.method === 'GET') return send(ctx, 200, await db.info())
  if (ctx.method !== 'POST') throw methodNotAllowed('DELETE,GET,HEAD,POST')
  const doc = await readObject(ctx.req)
  ctx.bytes = Number(ctx.req.headers['content-length'] ?? Infinity)
  const [row] = await writeDocs(ctx, db, [doc])
  if (row.error) throw new CouchError(row.status, row.error, row.reason)
  send(ctx, 201, row, { location: `http://${ctx.req.headers.host ?? ''}/${encodeURIComponent(db.name)}/${encodeURI(row.id)}` })
}

async function security (ctx, db) {
  if (ctx.method === 'GET') return send(ctx, 200, db.security)
  if (ctx.method !== 'PUT') throw methodNotAllowed('PUT,GET')
  if (isUsers(ctx.config, db) && !ctx.config.isTrue('couchdb', 'users_db_security_editable')) {
    throw forbidden("You can't edit the security object of the user database.")
  }
  requireDbAdmin(ctx.user, db)
  const wanted = await readJson(ctx.req)
  checkSecurity(wanted)
  ctx.requireAlive()
  db.setSecurity(wanted)
  send(ctx, 200, { ok: true })
}

function checkSecurity (wanted) {
  if (wanted === null || typeof wanted !== 'object' || Array.isArray(wanted)) {
    throw badRequest('security object must be a JSON object')
  }
  for (const group of ['admins', 'members']) {
    for (const kind of ['names', 'roles']) {
      const list = wanted[group]?.[kind]
      if (list !== undefined && (!Array.isArray(list) || list.some(one => typeof one !== 'string'))) {
        throw badRequest(`${kind} must be a JSON list of strings`)
      }
    }
  }
}

async function fullCommit (ctx, db) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  await readBytes(ctx.req)
  send(ctx, 201, { ok: true, instance_start_time: db.startTime })
}

async function compact (ctx, db) {
  requireDbAdmin(ctx.user, db)
  await readBytes(ctx.req)
  ;(await db.open()).compact().catch(() => {})
  send(ctx, 202, { ok: true })
}

async function accepted (ctx) {
  await readBytes(ctx.req)
  send(ctx, 202, { ok: true })
}

/** Throws 401 where anonymous requests are refused altogether. */
export function requireLogin (ctx) {
  if (ctx.user.name === null && ctx.auth.refusesAnonymous(ctx.req.method, `/${ctx.path.join('/')}`)) {
    throw unauthorized('Authentication required.')
  }
}
