// What clients see of replications: _scheduler, _active_tasks, POST /_replicate.
import { send } from '../answers.js'
import { readObject } from '../body.js'
import { badRequest, CouchError, methodNotAllowed, notFound, unauthorized } from '../errors.js'
import { numberIn } from '../query.js'
import { requireServerAdmin } from '../rights.js'
import { parseReplication, validateReplication } from './document.js'
import { Link, timeText } from './link.js'

const DATABASE = '_replicator'

export async function handleScheduler (ctx, [kind, ...rest]) {
  requireServerAdmin(ctx.user)
  if (ctx.method !== 'GET') throw methodNotAllowed('GET,HEAD')
  if (kind === 'jobs') return rest.length > 0 ? oneJob(ctx, rest.join('/')) : jobs(ctx)
  if (kind !== 'docs') throw notFound('missing')
  if (rest.length === 0) return docs(ctx)
  const [database, ...id] = rest
  if (database !== DATABASE) throw notFound('missing')
  return id.length === 0 ? docs(ctx) : oneDoc(ctx, id.join('/'))
}

function page (ctx, rows) {
  const skip = numberIn(ctx.query, 'skip', 0)
  return { total_rows: rows.length, offset: skip, rows: rows.slice(skip, skip + numberIn(ctx.query, 'limit', 100)) }
}

function docs (ctx) {
  const states = ctx.query.states?.split(',')
  const links = [...ctx.scheduler.links.values()]
    .filter(link => !states || states.includes(link.state))
    .sort((one, other) => one.docId < other.docId ? -1 : 1)
  const { rows, ...counts } = page(ctx, links)
  send(ctx, 200, { ...counts, docs: rows.map(link => docRow(ctx, link)) })
}

function oneDoc (ctx, id) {
  const link = ctx.scheduler.links.get(id)
  if (!link) throw notFound('missing')
  send(ctx, 200, docRow(ctx, link))
}

/** Three shapes, as recorded: ended for good, not (yet) a job, a job. */
function docRow (ctx, link) {
  const head = { database: DATABASE, doc_id: link.docId }
  const times = { last_updated: timeText(link.lastUpdated), start_time: timeText(link.startTime) }
  const counts = { state: link.state, info: link.info(), error_count: link.errorCount }
  if (link.state === 'completed' || link.state === 'failed') {
    const ends = link.ends ?? { source: link.replication?.source.url, target: link.replication?.target.url }
    return { ...head, id: null, ...ends, ...counts, ...times }
  }
  if (!link.replication) return { ...head, id: null, ...counts, node: ctx.nodeName, ...times }
  const { id, source, target } = link.replication
  const ends = { source: source.url, target: target.url }
  return { ...head, id, node: ctx.nodeName, ...ends, ...counts, ...times, source_proxy: null, target_proxy: null }
}

const isJob = link => link.replication && !['completed', 'failed'].includes(link.state)

function jobs (ctx) {
  const links = ctx.scheduler.all().filter(isJob).sort((one, other) => one.replication.id < other.replication.id ? -1 : 1)
  const { rows, ...counts } = page(ctx, links)
  send(ctx, 200, { ...counts, jobs: rows.map(link => jobRow(ctx, link)) })
}

function oneJob (ctx, id) {
  const link = ctx.scheduler.all().filter(isJob).find(one => one.replication.id === id.replaceAll(' ', '+'))
  if (!link) throw notFound('missing')
  send(ctx, 200, jobRow(ctx, link))
}

function jobRow (ctx, link) {
  const { id, source, target } = link.replication
  return {
    database: link.database,
    id,
    pid: link.job ? `<0.${link.began % 100000}.0>` : null,
    source: source.url,
    target: target.url,
    user: link.user,
    doc_id: link.docId,
    info: link.info(),
    history: link.history,
    node: ctx.nodeName,
    start_time: timeText(link.startTime)
  }
}

export async function handleActiveTasks (ctx) {
  requireServerAdmin(ctx.user)
  if (ctx.method !== 'GET') throw methodNotAllowed('GET,HEAD')
  const running = ctx.scheduler.all().filter(link => link.state === 'running' && link.job?.isOpen)
  send(ctx, 200, running.map(link => ({
    node: ctx.nodeName,
    pid: `<0.${link.began % 100000}.0>`,
    process_status: 'waiting',
    ...link.stats,
    checkpoint_interval: ctx.config.number('replicator', 'checkpoint_interval'),
    continuous: link.replication.options.continuous === true,
    database: link.database,
    doc_id: link.docId,
    replication_id: link.replication.id,
    source: link.replication.source.url,
    target: link.replication.target.url,
    started_on: Math.floor(link.began / 1000),
    updated_on: Math.floor(link.lastUpdated / 1000),
    type: 'replication',
    user: link.user
  })))
}

/** POST /_replicate: waits for a one-shot, answers at once for a continuous one, ends one with `cancel`. */
export async function handleReplicate (ctx) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  if (ctx.user.name === null) throw unauthorized('You must be logged in to replicate.')
  const body = await readObject(ctx.req)
  try {
    validateReplication(body)
  } catch (err) {
    throw err instanceof CouchError ? badRequest(err.reason) : err
  }
  const { transient } = ctx.scheduler
  const replication = parseReplication(body, ctx.config.get('couchdb', 'uuid'))
  if (body.cancel === true) return cancel(ctx, replication)
  const known = transient.get(replication.id)
  const link = known ?? begin(ctx, replication)
  if (replication.options.continuous) return send(ctx, 202, { ok: true, _local_id: replication.id })
  // Who went away (or was cut by a restart) is not waited for.
  const left = new Promise(resolve => ctx.res.on('close', () => resolve({ failure: new Error('the connection was cut') })))
  const { job, failure } = await Promise.race([link.finished, left])
  if (failure) {
    const word = failure.word ?? 'replication_failed'
    throw new CouchError(500, word, failure.message.replace(`${word}: `, ''))
  }
  send(ctx, 200, resultOf(job))
}

function begin (ctx, replication) {
  const { transient } = ctx.scheduler
  let finish
  const finished = new Promise(resolve => { finish = resolve })
  const onEnd = (link, job) => {
    // A crashed one is dropped: unlike a document's, nothing keeps it.
    if (transient.get(replication.id) === link) transient.delete(replication.id)
    finish({ job, failure: link.isDone ? null : link.failure })
  }
  const link = new Link({ docId: null, database: null, config: ctx.config, user: ctx.user.name, onEnd })
  link.finished = finished
  transient.set(replication.id, link)
  link.assign(replication)
  link.start()
  return link
}

async function cancel (ctx, replication) {
  const link = ctx.scheduler.transient.get(replication.id)
  if (!link) throw notFound('missing')
  ctx.scheduler.transient.delete(replication.id)
  await link.stop()
  send(ctx, 200, { ok: true, _local_id: replication.id })
}

function resultOf (job) {
  const { history } = job.checkpoint
  const entry = job.entry()
  // With nothing new it is the last session that did something which is told.
  const told = job.isUnchanged && history.length > 0 ? history : [entry, ...history]
  return {
    ok: true,
    ...(job.isUnchanged ? { no_changes: true } : {}),
    session_id: told[0].session_id,
    source_last_seq: told[0].recorded_seq,
    replication_id_version: 4,
    history: told
  }
}
