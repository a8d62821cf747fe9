// The HTTP server: connections, one context per request, and the restart that cuts everything.
import http from 'node:http'
import { sendError } from './answers.js'
import { CouchError, badRequest, fromPouch, noDatabase } from './errors.js'
import { requireLogin, route } from './router.js'

const SETTLE = 5000

export class Server {
  /** `app` holds what requests work on: config, auth, databases, scheduler, nodeName, log, restart, onConfig. */
  constructor (app) {
    this.app = app
    this.epoch = 0
    this.active = new Set()
  }

  listen () {
    const { config } = this.app
    const options = { keepAliveTimeout: 75000, requestTimeout: 0, highWaterMark: 65536 }
    this.http = http.createServer(options, (req, res) => this.take(req, res))
    this.http.on('checkContinue', (req, res) => this.take(req, res))
    return new Promise((resolve, reject) => {
      this.http.once('error', reject)
      const address = config.get('chttpd', 'bind_address')
      this.http.listen(config.number('chttpd', 'port'), address === 'any' ? '0.0.0.0' : address, () => {
        this.http.off('error', reject)
        resolve()
      })
    })
  }

  /**
   * Cuts every connection and waits until nothing that they began is still at work. What was being written then was never
   * acknowledged; what had not begun to be written never will be.
   */
  async stop () {
    this.epoch += 1
    const closed = new Promise(resolve => this.http.close(resolve))
    this.http.closeAllConnections()
    await Promise.race([Promise.allSettled([...this.active]), new Promise(resolve => setTimeout(resolve, SETTLE).unref())])
    await closed
  }

  take (req, res) {
    const work = this.answer(req, res).finally(() => this.active.delete(work))
    this.active.add(work)
  }

  async answer (req, res) {
    const ctx = { ...this.app, req, res, method: req.method === 'HEAD' ? 'GET' : req.method, bytes: 0 }
    const epoch = this.epoch
    ctx.requireAlive = () => {
      if (epoch !== this.epoch || req.socket.destroyed) throw new CouchError(503, 'service_unavailable', 'the connection was cut')
    }
    res.on('error', () => {})
    try {
      readUrl(ctx)
      ctx.user = await this.app.auth.identify(req)
      requireLogin(ctx)
      if (/100-continue/i.test(req.headers.expect ?? '')) res.writeContinue()
      await route(ctx)
    } catch (err) {
      // What breaks because its database was deleted meanwhile is no fault.
      const known = ctx.db?.isGone ? noDatabase() : fromPouch(err)
      const isFault = !(err instanceof CouchError) && known.status >= 500 && !res.destroyed
      if (isFault) this.app.log.error(`${req.method} ${req.url.split('?')[0]}: ${err.stack}`)
      sendError(ctx, known)
    }
    this.app.log.debug(`${ctx.user?.name ?? '-'} ${req.method} ${req.url.split('?')[0]} ${res.statusCode}`)
  }
}

function readUrl (ctx) {
  const [path, ...search] = ctx.req.url.split('?')
  ctx.query = Object.fromEntries(new URLSearchParams(search.join('?')))
  try {
    ctx.path = path.split('/').filter((part, i) => part !== '' || i > 1).map(decodeURIComponent)
  } catch {
    ctx.path = []
    throw badRequest('the path is not well encoded')
  }
  if (ctx.path.at(-1) === '') ctx.path.pop()
}
