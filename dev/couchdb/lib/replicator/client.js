// HTTP to one end of a replication: logs in by cookie, tries again when a connection fails, keeps connections.
import http from 'node:http'
import https from 'node:https'

const FIRST_WAIT = 250
const agents = {
  'http:': new http.Agent({ keepAlive: true, timeout: 60000, maxFreeSockets: 8 }),
  'https:': new https.Agent({ keepAlive: true, timeout: 60000, maxFreeSockets: 8 })
}

/** A failure that ends a run of a replication; the message is what `_scheduler` shows as info.error. */
export class ReplicationError extends Error {
  constructor (word, text) {
    super(text)
    this.word = word
  }
}

export class Client {
  /** `timeout` in ms is for silence on a connection; `retries` is how often a failed request is tried again, after 0.25 s and doubling. */
  constructor (endpoint, { timeout, retries }) {
    this.endpoint = endpoint
    this.timeout = timeout
    this.retries = retries
    this.cookie = null
    this.aborter = new AbortController()
  }

  /** Ends all requests at once. */
  abort () {
    this.aborter.abort()
  }

  get url () {
    return this.endpoint.url
  }

  /** Logs in at _session, as CouchDB's replicator does; nothing to do without credentials. */
  async login () {
    const { login, url } = this.endpoint
    if (!login) return
    const session = new URL('/_session', url).href
    const quoted = `"${session}","${login.username}"`
    let answer
    try {
      const body = JSON.stringify({ name: login.username, password: login.password })
      answer = await this.once('POST', session, { 'content-type': 'application/json' }, body)
    } catch (err) {
      const why = `{conn_failed,{error,${(err.code ?? err.message).toLowerCase()}}}`
      throw new ReplicationError('replication_auth_error',
        `{replication_auth_error,\n    {session_request_failed,${quoted},\n        ${why}}}`)
    }
    if (answer.status === 401 || answer.status === 403) {
      throw new ReplicationError('replication_auth_error', `{replication_auth_error,\n    {session_request_unauthorized,${quoted}}}`)
    }
    this.cookie = /AuthSession=([^;]*)/.exec(answer.header('set-cookie') ?? '')?.[1] ?? null
    if (!this.cookie) throw new ReplicationError('replication_auth_error', `{replication_auth_error,\n    {session_request_failed,${quoted},${answer.status}}}`)
  }

  /** One request with a new login where the old one ran out, and new tries where the other side is away. */
  async request (method, path, { body, headers = {}, signal } = {}) {
    const url = path.startsWith('http') ? path : this.url + path
    let fresh = this.cookie === null && this.endpoint.login !== null
    let wait = FIRST_WAIT
    for (let tries = 0; ; tries++) {
      let failure
      try {
        if (fresh) await this.login()
        const answer = await this.once(method, url, headers, body, signal)
        if (answer.status === 401 && this.endpoint.login && !fresh) {
          fresh = true
          tries--
          continue
        }
        fresh = false
        if (answer.status < 500 && answer.status !== 429) return answer
        failure = new ReplicationError('request_failed', `${method} ${url} was answered ${answer.status} ${answer.text().slice(0, 200)}`)
      } catch (err) {
        if (this.isAborted(signal) || (err instanceof ReplicationError && /session_request_unauthorized/.test(err.message))) throw err
        failure = err instanceof ReplicationError ? err : new ReplicationError('request_failed', `${method} ${url} failed: ${(err.code ?? err.message).toLowerCase()}`)
      }
      if (tries >= this.retries) throw failure
      await this.pause(wait, signal)
      wait *= 2
    }
  }

  isAborted (signal) {
    return this.aborter.signal.aborted || signal?.aborted === true
  }

  async pause (time, signal) {
    const ends = [this.aborter.signal, signal].filter(Boolean)
    await new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        for (const end of ends) end.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, time)
      for (const end of ends) end.addEventListener('abort', done)
    })
    if (this.isAborted(signal)) throw new Error('aborted')
  }

  /** One request, its answer read whole. */
  once (method, url, headers, body, signal) {
    return new Promise((resolve, reject) => {
      if (this.isAborted(signal)) return reject(new Error('aborted'))
      const target = new URL(url)
      const all = { accept: 'application/json', ...this.endpoint.headers, ...headers }
      if (this.cookie) all.cookie = `AuthSession=${this.cookie}`
      if (body !== undefined) all['content-length'] = Buffer.byteLength(body)
      const send = target.protocol === 'https:' ? https.request : http.request
      const req = send(target, { method, headers: all, agent: agents[target.protocol] })
      const abort = () => req.destroy(new Error('aborted'))
      const ends = [this.aborter.signal, signal].filter(Boolean)
      for (const end of ends) end.addEventListener('abort', abort)
      const settle = (fun, value) => {
        for (const end of ends) end.removeEventListener('abort', abort)
        fun(value)
      }
      req.setTimeout(this.timeout, () => req.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
      req.on('error', err => {
        // The other side closed a kept connection just then: that is no failure of it.
        const isStale = req.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(err.code) && !this.isAborted(signal)
        if (isStale && !req.answered) this.once(method, url, headers, body, signal).then(value => settle(resolve, value), why => settle(reject, why))
        else settle(reject, err)
      })
      req.on('response', res => {
        req.answered = true
        const parts = []
        res.on('data', part => parts.push(part))
        res.on('error', err => settle(reject, err))
        res.on('end', () => {
          const fresh = /AuthSession=([^;]+)/.exec(res.headers['set-cookie'] ?? '')?.[1]
          if (fresh) this.cookie = fresh
          settle(resolve, new Answer(res, Buffer.concat(parts)))
        })
      })
      req.end(body)
    })
  }

  /** A function in the shape of fetch, for PouchDB. `see` gets every answer's path and JSON. */
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
