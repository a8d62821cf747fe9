// Who asks: Basic and cookie logins, their caches, and the lockout after wrong passwords.
import crypto from 'node:crypto'
import { badRequest, forbidden, unauthorized } from './errors.js'
import { isPassword, isSame, parseLine } from './hashing.js'

export const WRONG_PASSWORD = 'Name or password is incorrect.'
const LOCKED = 'Account is temporarily locked due to multiple authentication failures'
const ANONYMOUS = { name: null, roles: [], admin: false }

/** Logins of one server. Forgets everything it has cached on `forget()`, as a restart does. */
export class Auth {
  constructor (config, databases) {
    this.config = config
    this.databases = databases
    this.forget()
  }

  forget () {
    this.cache = new Map()
    this.failures = new Map()
    this.checking = new Map()
    this.cacheKey = crypto.randomBytes(32)
  }

  get secret () {
    return this.config.get('chttpd_auth', 'secret')
  }

  /** The asker of a request: {name, roles, admin, via}. Throws 401 for wrong passwords, 403 for a locked account. */
  async identify (req) {
    const cookie = /(?:^|;\s*)AuthSession=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
    if (cookie && this.isHandled('cookie')) {
      const user = await this.fromCookie(cookie)
      if (user) return { ...user, via: 'cookie' }
    }
    const basic = parseBasic(req.headers.authorization)
    if (basic && this.isHandled('default')) {
      const user = await this.login(basic.name, basic.password, req.socket.remoteAddress)
      if (!user) throw unauthorized(WRONG_PASSWORD)
      return { ...user, via: 'default' }
    }
    return ANONYMOUS
  }

  /** `[chttpd] authentication_handlers` names Erlang functions; only cookie and default (Basic) mean something here. */
  isHandled (kind) {
    const handlers = this.config.get('chttpd', 'authentication_handlers')
    return handlers === undefined || handlers.includes(`${kind}_authentication_handler`)
  }

  /** The user of a name and password, or null. */
  async login (name, password, address) {
    const record = await this.record(name)
    if (!record) return null
    this.refuseLocked(record, address)
    if (!await this.isRight(record, password)) {
      this.noteFailure(record, address)
      return null
    }
    return userOf(record)
  }

  /**
   * What is known of a name: an admin line first, else its document in `[chttpd_auth] authentication_db`.
   * A document with conflicts cannot log in (CouchDB refuses it in every version).
   */
  async record (name) {
    const line = this.config.explicit('admins', name)
    if (line !== undefined) {
      const hash = parseLine(line)
      return hash ? { name, roles: ['_admin'], admin: true, hash, salt: hash.salt } : null
    }
    const db = this.databases.find(this.config.get('chttpd_auth', 'authentication_db'))
    if (!db) return null
    let doc
    try {
      doc = await (await db.open()).get(`org.couchdb.user:${name}`, { conflicts: true })
    } catch (err) {
      if (err.status === 404) return null
      throw err
    }
    if (doc._conflicts || doc.password_scheme !== 'pbkdf2') return null
    const hash = { prf: doc.pbkdf2_prf ?? 'sha', key: doc.derived_key, salt: doc.salt, iterations: doc.iterations }
    return { name, roles: doc.roles ?? [], admin: false, hash, salt: doc.salt }
  }

  /**
   * Right passwords are remembered under name and salt, so that a password changed under the SAME salt leaves the old one valid
   * until a restart (measured on CouchDB 3.5.0).
   */
  async isRight (record, password) {
    const key = `${record.name}\0${record.salt}`
    const quick = crypto.createHmac('sha256', this.cacheKey).update(password).digest('hex')
    if (this.cache.get(key)?.has(quick)) return true
    const isRight = await this.checkOnce(`${key}\0${quick}\0${record.hash.key}`, password, record.hash)
    if (!isRight) return false
    if (!this.cache.has(key)) this.cache.set(key, new Set())
    this.cache.get(key).add(quick)
    return true
  }

  /** The same password asked about by many requests at a time is hashed once: a hash takes a core for a third of a second. */
  checkOnce (key, password, hash) {
    if (!this.checking.has(key)) {
      this.checking.set(key, isPassword(password, hash).finally(() => this.checking.delete(key)))
    }
    return this.checking.get(key)
  }

  failureKey (record, address) {
    return `${record.name}\0${record.salt}\0${address}`
  }

  refuseLocked (record, address) {
    if (this.config.get('chttpd_auth_lockout', 'mode') !== 'enforce') return
    const failed = this.failures.get(this.failureKey(record, address))
    if (!failed) return
    if (Date.now() - failed.since > this.config.number('chttpd_auth_lockout', 'max_lifetime')) {
      this.failures.delete(this.failureKey(record, address))
    } else if (failed.count >= this.config.number('chttpd_auth_lockout', 'threshold')) {
      throw forbidden(LOCKED)
    }
  }

  noteFailure (record, address) {
    if (this.config.get('chttpd_auth_lockout', 'mode') === 'off') return
    const key = this.failureKey(record, address)
    const failed = this.failures.get(key) ?? { count: 0, since: Date.now() }
    failed.count += 1
    this.failures.set(key, failed)
  }

  /** A cookie is name, time in hex and an HMAC over both; its key is the secret and the user's salt, so siblings accept it. */
  makeCookie (record, now = Date.now()) {
    const head = `${record.name}:${Math.floor(now / 1000).toString(16).toUpperCase()}`
    return Buffer.concat([Buffer.from(`${head}:`), this.mac(head, record.salt)]).toString('base64url')
  }

  mac (head, salt) {
    return crypto.createHmac('sha256', this.secret + salt).update(head).digest()
  }

  async fromCookie (text) {
    const raw = Buffer.from(text, 'base64url')
    const first = raw.indexOf(':')
    const second = raw.indexOf(':', first + 1)
    if (first < 0 || second < 0) throw badRequest('Malformed AuthSession cookie. Please clear your cookies.')
    const name = raw.subarray(0, first).toString()
    const time = parseInt(raw.subarray(first + 1, second).toString(), 16)
    if (!(Date.now() / 1000 < time + this.config.number('chttpd_auth', 'timeout'))) return null
    const record = await this.record(name)
    if (!record) return null
    const wanted = this.mac(raw.subarray(0, second), record.salt)
    if (!isSame(raw.subarray(second + 1), wanted)) return null
    return userOf(record)
  }

  /** Whether anonymous requests are refused, except for `_up` and a login. */
  refusesAnonymous (method, path) {
    if (path === '/_session' && method === 'POST') return false
    const is = key => this.config.isTrue('chttpd', key) || this.config.isTrue('chttpd_auth', key)
    if (is('require_valid_user_except_for_up')) return path !== '/_up'
    return is('require_valid_user')
  }
}

function userOf ({ name, roles, admin }) {
  return { name, roles, admin }
}

function parseBasic (header) {
  const found = /^Basic\s+(\S+)$/i.exec(header ?? '')
  if (!found) return null
  const text = Buffer.from(found[1], 'base64').toString()
  const at = text.indexOf(':')
  return at < 0 ? null : { name: text.slice(0, at), password: text.slice(at + 1) }
}
