// HTTP to one end of a replication: logs in by cookie, tries again when the other side is away, keeps connections.
import http from 'node:http'
import https from 'node:https'

const FIRST_WAIT = 250
const LINE_END = 10
const AGENT = { keepAlive: true, timeout: 60000, maxFreeSockets: 8 }
const agents = { 'http:': new http.Agent(AGENT), 'https:': new https.Agent(AGENT) }
const JSON_TYPE = { 'content-type': 'application/json' }

/** A failure that ends a run of a replication; its message is what `_scheduler` shows as info.error. */
export class ReplicationError extends Error {
  /** `word` is the error in CouchDB's answers; a `final` one is not worth another try. */
  constructor (word, text, { final = false } = {}) {
    super(text)
    this.word = word
    this.final = final
  }
}

export class Client {
  /** `timeout` (ms) is for silence on a connection; `retries` is how often a failed request is tried again, after 0.25 s, doubled. */
  constructor (endpoint, { timeout, retries }) {
    this.endpoint = endpoint
    this.timeout = timeout
    this.retries = retries
    this.cookie = null
    this.renewAt = 0
    this.aborter = new AbortController()
  }

  get url () {
    return this.endpoint.url
  }

  /** Ends all requests at once. */
  abort () {
    this.aborter.abort()
  }

  /** Logs in at _session, as CouchDB's replicator does. Logins asked for at the same time are one. */
  login () {
    this.loggingIn ??= this.loginOnce().finally(() => { this.loggingIn = null })
    return this.loggingIn
  }

  async loginOnce () {
    const { login, url } = this.endpoint
    if (!login) return
    const session = new URL('/_session', url).href
    const fail = (what, why, options) => new ReplicationError('replication_auth_error',
      `{replication_auth_error,\n    {${what},"${session}","${login.username}"${why}}}`, options)
    const body = JSON.stringify({ name: login.username, password: login.password })
    let answer
    try {
      answer = await this.once('POST', session, { headers: JSON_TYPE, body })
    } catch (err) {
      throw fail('session_request_failed', `,\n        {conn_failed,{error,${codeOf(err)}}}`)
    }
    if (answer.status === 401 || answer.status === 403) throw fail('session_request_unauthorized', '', { final: true })
    const header = answer.header('set-cookie') ?? ''
    const cookie = /AuthSession=([^;]+)/.exec(header)?.[1]
    if (!cookie) throw fail('session_request_failed', `,${answer.status}`)
    this.cookie = cookie
    // Renewed at half its life: with a cookie that ran out one would go on as nobody where nobody is let in.
    const age = Number(/Max-Age=(\d+)/i.exec(header)?.[1] ?? 600)
    this.renewAt = Date.now() + age * 500
  }

  /** One request; tried again while the other side is away or in trouble. */
  async request (method, path, options = {}) {
    const url = path.startsWith('http') ? path : this.url + path
    for (let tries = 0, wait = FIRST_WAIT; ; tries++, wait *= 2) {
      let failure
      try {
        const answer = await this.authorized(method, url, options)
        if (answer.status < 500 && answer.status !== 429) return answer
        const said = answer.text().slice(0, 200)
        failure = new ReplicationError('request_failed', `${method} ${url} was answered ${answer.status} ${said}`)
      } catch (err) {
        if (err.final || this.isAborted(options.signal)) throw err
        failure = err.word ? err : new ReplicationError('request_failed', `${method} ${url} failed: ${codeOf(err)}`)
      }
      if (tries >= this.retries) throw failure
      await this.pause(wait, options.signal)
    }
  }

  async authorized (method, url, options) {
    if (!this.endpoint.login) return this.once(method, url, options)
    if (!this.cookie || Date.now() > this.renewAt) await this.login()
    const answer = await this.once(method, url, options)
    if (answer.status !== 401) return answer
    await this.login()
    return this.once(method, url, options)
  }

  /** POST or PUT of a value as JSON. */
  send (method, path, value) {
    return this.request(method, path, { body: JSON.stringify(value), headers: JSON_TYPE })
  }

  ends (signal) {
    return signal ? [this.aborter.signal, signal] : [this.aborter.signal]
  }

  isAborted (signal) {
    return this.ends(signal).some(end => end.aborted)
  }

  async pause (time, signal) {
    const stop = onAbort(this.ends(signal))
    await Promise.race([new Promise(resolve => { stop.timer = setTimeout(resolve, time) }), stop.promise])
    clearTimeout(stop.timer)
    stop.end()
    if (this.isAborted(signal)) throw new Error('aborted')
  }

  /** One request, its answer read whole. */
  async once (method, url, { headers, body, signal } = {}) {
    const stop = onAbort(this.ends(signal))
    try {
      return await this.exchange(method, new URL(url), { headers, body, stop })
    } catch (err) {
      // The other side closed a kept connection just then: that is no failure of it.
      if (!err.isStale || this.isAborted(signal)) throw err
      return await this.exchange(method, new URL(url), { headers, body, stop })
    } finally {
      stop.end()
    }
  }

  exchange (method, url, { headers, body, stop }) {
    return new Promise((resolve, reject) => {
      if (stop.isAborted()) return reject(new Error('aborted'))
      const all = { accept: 'application/json', ...this.endpoint.headers, ...headers }
      if (this.cookie) all.cookie = `AuthSession=${this.cookie}`
      if (body !== undefined) all['content-length'] = Buffer.byteLength(body)
      const begin = url.protocol === 'https:' ? https.request : http.request
      const req = begin(url, { method, headers: all, agent: agents[url.protocol] })
      stop.promise.then(() => req.destroy(new Error('aborted')))
      req.setTimeout(this.timeout, () => req.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
      req.on('error', err => {
        err.isStale = req.reusedSocket && !req.res && ['ECONNRESET', 'EPIPE'].includes(err.code)
        reject(err)
      })
      req.on('response', res => {
        const parts = []
        // The beats of a feed that waits for days are not kept.
        const isFeed = url.pathname.endsWith('/_changes')
        res.on('data', part => { if (!isFeed || part.length !== 1 || part[0] !== LINE_END) parts.push(part) })
        res.on('error', reject)
        res.on('end', () => resolve(new Answer(res, Buffer.concat(parts))))
      })
      req.end(body)
    })
  }

  /** A function in the shape of fetch, for PouchDB. `see` gets every answer's URL and JSON. */
  fetch (see = () => {}) {
    return async (url, { method = 'GET', headers, body, signal } = {}) => {
      const plain = {}
      headers?.forEach((value, name) => { plain[name] = value })
      const answer = await this.request(method, url, { body, headers: plain, signal })
      return {
        ok: answer.status < 300,
        status: answer.status,
        headers: { get: name => answer.header(name) },
        buffer: async () => answer.bytes,
        text: async () => answer.text(),
        json: async () => {
          const value = answer.json()
          see(url, value)
          return value
        }
      }
    }
  }
}

/** A promise that resolves when one of the signals aborts, until `end` is called. */
function onAbort (ends) {
  let fire
  const promise = new Promise(resolve => { fire = resolve })
  for (const end of ends) end.addEventListener('abort', fire)
  return {
    promise,
    isAborted: () => ends.some(end => end.aborted),
    end: () => { for (const end of ends) end.removeEventListener('abort', fire) }
  }
}

const codeOf = err => (err.code ?? err.message).toLowerCase()

class Answer {
  constructor (res, bytes) {
    this.status = res.statusCode
    this.headers = res.headers
    this.bytes = bytes
  }

  header (name) {
    const value = this.headers[name.toLowerCase()]
    return Array.isArray(value) ? value.join(', ') : value ?? null
  }

  text () { return this.bytes.toString('utf8') }
  json () { return JSON.parse(this.text()) }
}
