// The changes of a database: read in pages, and fed to clients in CouchDB's four ways.
import { begin, send } from './answers.js'
import { readObject } from './body.js'
import { ordered } from './documents.js'
import { badRequest, fromPouch, methodNotAllowed } from './errors.js'
import { matches } from './pouch.js'
import { jsonIn, numberIn } from './query.js'

const PAGE = 1000
const TIMEOUT = 60000
const FEEDS = ['normal', 'longpoll', 'continuous', 'eventsource']

/**
 * Changes after `since`, at most `limit`: {rows, last} with plain numbers as sequences. `last` is where to read on: the last row
 * when the limit was met, else the head as it was before reading.
 */
export async function readChanges (db, { since, limit = Infinity, options = {}, take = () => true }) {
  const pouch = await db.open()
  const head = (await pouch.info()).update_seq
  if (limit === 0) return { rows: [], last: since }
  if (since >= head && !options.descending) return { rows: [], last: Math.max(since, head) }
  const rows = []
  let found
  try {
    found = await new Promise((resolve, reject) => {
      const feed = pouch.changes({ ...options, since, return_docs: false })
      feed.on('change', change => {
        if (rows.length >= limit || !take(change)) return
        rows.push(change)
        if (rows.length >= limit) {
          resolve({ full: true })
          feed.cancel()
        }
      })
      feed.on('complete', () => resolve({ full: false }))
      feed.on('error', reject)
    })
  } catch (err) {
    throw fromPouch(err)
  }
  const lastRow = rows.at(-1)?.seq ?? since
  return { rows, last: found.full || options.descending ? lastRow : Math.max(head, lastRow) }
}

/** How many documents changed after a sequence: a short look first, the index when there is much. */
async function countPending (db, since) {
  const head = await db.head()
  if (since >= head) return 0
  return db.countAfter(since)
}

async function readParameters (ctx, db) {
  const { query } = ctx
  const body = ctx.method === 'POST' ? await readObject(ctx.req, { optional: true }) : {}
  const feed = query.feed ?? 'normal'
  if (!FEEDS.includes(feed)) throw badRequest(`Supported \`feed\` types: ${FEEDS.join(', ')}`)
  const number = (name, otherwise) => numberIn(query, name, otherwise)
  const options = {
    include_docs: query.include_docs === 'true',
    conflicts: query.conflicts === 'true',
    attachments: query.attachments === 'true',
    style: query.style === 'all_docs' ? 'all_docs' : 'main_only',
    descending: query.descending === 'true'
  }
  const take = filterOf(query, body, options)
  const heartbeat = query.heartbeat === 'true' ? TIMEOUT : number('heartbeat', 0)
  const head = await db.head()
  const since = query['last-event-id'] ?? ctx.req.headers['last-event-id'] ?? query.since
  return {
    feed,
    options,
    take,
    heartbeat,
    limit: number('limit', Infinity),
    timeout: heartbeat ? number('timeout', Infinity) : Math.min(number('timeout', TIMEOUT), TIMEOUT),
    since: db.sequences.read(since, head)
  }
}

/** Sets PouchDB's own filters in the options, or gives a function for what is decided here. */
function filterOf (query, body, options) {
  const { filter } = query
  if (filter === undefined) return undefined
  if (filter === '_doc_ids') {
    const ids = new Set(body.doc_ids ?? jsonIn(query, 'doc_ids') ?? [])
    return change => ids.has(change.id)
  }
  if (filter === '_design') return change => change.id.startsWith('_design/')
  if (filter === '_selector') {
    if (typeof body.selector !== 'object' || body.selector === null) throw badRequest('Filter `_selector` requires a selector')
    return change => matches(change.doc, body.selector)
  }
  options.filter = filter
  options.query_params = query
  if (filter === '_view') options.view = query.view
  return undefined
}

/** One row as clients see it. */
function rowOf (db, change, { include_docs: withDoc }) {
  const row = { seq: db.sequences.write(change.seq), id: change.id, changes: change.changes }
  if (change.deleted) row.deleted = true
  if (withDoc) row.doc = ordered(change.doc)
  return row
}

export async function handleChanges (ctx, db) {
  if (ctx.method !== 'GET' && ctx.method !== 'POST') throw methodNotAllowed('GET,HEAD,POST')
  const asked = await readParameters(ctx, db)
  // PouchDB reads the document for a selector only if it was asked for.
  const read = { ...asked, options: { ...asked.options, include_docs: true } }
  switch (asked.feed) {
    case 'normal': return sendPage(ctx, db, asked, await readChanges(db, read))
    case 'longpoll': return longpoll(ctx, db, asked, read)
    default: return stream(ctx, db, asked, read)
  }
}

async function sendPage (ctx, db, asked, { rows, last }) {
  const pending = asked.options.descending ? 0 : await countPending(db, last)
  send(ctx, 200, { results: rows.map(row => rowOf(db, row, asked.options)), last_seq: db.sequences.write(last), pending })
}

async function longpoll (ctx, db, asked, read) {
  begin(ctx)
  ctx.res.write('{"results":[\n')
  const waiter = new Waiter(ctx, db, asked)
  try {
    let { since } = asked
    let page = await readChanges(db, read)
    while (page.rows.length === 0 && asked.limit > 0 && await waiter.next(since = page.last)) {
      page = await readChanges(db, { ...read, since })
    }
    if (waiter.isCut) return ctx.res.destroy()
    const rows = page.rows.map(row => JSON.stringify(rowOf(db, row, asked.options))).join(',\n')
    const pending = await countPending(db, page.last)
    ctx.res.end(`${rows}\n],\n"last_seq":${JSON.stringify(db.sequences.write(page.last))},"pending":${pending}}\n`)
  } finally {
    waiter.end()
  }
}

async function stream (ctx, db, asked, read) {
  const events = asked.feed === 'eventsource'
  begin(ctx, events ? 'text/event-stream' : 'application/json')
  ctx.res.flushHeaders()
  const waiter = new Waiter(ctx, db, asked)
  let left = asked.limit
  let { since } = asked
  try {
    do {
      let page
      do {
        page = await readChanges(db, { ...read, since, limit: Math.min(left, PAGE) })
        since = page.last
        left -= page.rows.length
        let text = ''
        for (const change of page.rows) {
          const row = rowOf(db, change, asked.options)
          text += events ? `data: ${JSON.stringify(row)}\nid: ${row.seq}\n\n` : JSON.stringify(row) + '\n'
        }
        if (text !== '' && !ctx.res.write(text)) await drained(ctx.res)
      } while (page.rows.length === PAGE && left > 0 && !waiter.isCut)
    } while (left > 0 && await waiter.next(since))
    if (waiter.isCut) return ctx.res.destroy()
    if (events) return ctx.res.end()
    const pending = await countPending(db, since)
    ctx.res.end(JSON.stringify({ last_seq: db.sequences.write(since), pending }) + '\n')
  } finally {
    waiter.end()
  }
}

function drained (res) {
  return new Promise(resolve => {
    const go = () => {
      res.off('drain', go).off('close', go)
      resolve()
    }
    res.on('drain', go).on('close', go)
  })
}

/** Waits for the next write of a database while it keeps a client's connection alive. */
class Waiter {
  constructor (ctx, db, { heartbeat, timeout, feed }) {
    this.db = db
    this.timeout = timeout
    this.isCut = false
    this.isNews = false
    this.wake = () => {}
    this.onChange = () => { this.isNews = true; this.wake() }
    this.onCut = () => { this.isCut = true; this.wake() }
    db.on('change', this.onChange).on('gone', this.onCut)
    ctx.res.on('close', this.onCut)
    if (db.isGone || ctx.res.destroyed) this.isCut = true
    const beat = feed === 'eventsource' ? 'event: heartbeat\ndata: \n\n' : '\n'
    this.beating = heartbeat ? setInterval(() => ctx.res.write(beat), heartbeat) : null
  }

  /** True when there may be something new, false at the time-out or when the connection or database is gone. */
  async next () {
    if (this.isNews || this.isCut) return this.take()
    let timer = null
    await new Promise(resolve => {
      this.wake = resolve
      if (Number.isFinite(this.timeout)) timer = setTimeout(resolve, this.timeout)
    })
    clearTimeout(timer)
    return this.take()
  }

  take () {
    const news = this.isNews && !this.isCut
    this.isNews = false
    return news
  }

  end () {
    clearInterval(this.beating)
    this.db.off('change', this.onChange).off('gone', this.onCut)
  }
}
