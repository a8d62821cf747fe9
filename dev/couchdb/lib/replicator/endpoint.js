// One end of a replication: its URL without credentials, and what to log in with.
import { forbidden } from '../errors.js'

/**
 * Reads the `source` or `target` of a replication document: a URL, or {url, headers, auth: {basic}}. Credentials count in this
 * order: auth.basic, the URL's, a Basic header (CouchDB 3.2 on). Throws 403 as CouchDB does when such a document is written.
 */
export function parseEndpoint (given) {
  const { url, headers = {}, auth } = typeof given === 'string' ? { url: given } : given ?? {}
  if (typeof url !== 'string') throw forbidden('Missing replicator database')
  if (!/^https?:\/\//.test(url)) throw forbidden('local_endpoints_not_supported')
  let parsed
  try {
    parsed = new URL(url)
  } catch {
    throw forbidden(`invalid_url: ${url}`)
  }
  const kept = {}
  let basic = null
  for (const [name, value] of Object.entries(headers)) {
    const found = name.toLowerCase() === 'authorization' ? /^Basic\s+(\S+)$/i.exec(value) : null
    if (found) basic = splitBasic(found[1])
    else kept[name] = value
  }
  if (parsed.username !== '') {
    basic = { username: decodeURIComponent(parsed.username), password: decodeURIComponent(parsed.password) }
  }
  if (auth?.basic) basic = { username: String(auth.basic.username), password: String(auth.basic.password) }
  parsed.username = ''
  parsed.password = ''
  parsed.search = ''
  parsed.hash = ''
  if (!parsed.pathname.endsWith('/')) parsed.pathname += '/'
  return { url: parsed.href, login: basic, headers: kept }
}

function splitBasic (text) {
  const decoded = Buffer.from(text, 'base64').toString()
  const at = decoded.indexOf(':')
  return { username: decoded.slice(0, at), password: decoded.slice(at + 1) }
}

/** What of an endpoint makes a replication another one: not the password, not the scheme. */
export function identityOf ({ url, login, headers }) {
  const { host, pathname } = new URL(url)
  const sorted = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]).sort()
  return [login?.username ?? null, host, pathname, sorted]
}
