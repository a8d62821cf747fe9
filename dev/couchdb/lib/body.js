// Request bodies, read whole.
import { badRequest, CouchError } from './errors.js'

const MOST = 512 * 1024 * 1024

/** The bytes of a body. Throws when the connection is cut before its end, so that half a body is never acted on. */
export async function readBytes (req) {
  const parts = []
  let size = 0
  for await (const part of req) {
    size += part.length
    if (size > MOST) throw new CouchError(413, 'too_large', 'the request entity is too large')
    parts.push(part)
  }
  if (!req.complete) throw badRequest('the request was cut off')
  return Buffer.concat(parts)
}

/** A JSON body; undefined where there is none and that is allowed. */
export async function readJson (req, { optional = false } = {}) {
  const bytes = await readBytes(req)
  if (bytes.length === 0 && optional) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw badRequest('invalid UTF-8 JSON')
  }
}

/** A JSON body that must be an object. */
export async function readObject (req, options) {
  const value = await readJson(req, options) ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('Request body must be a JSON object')
  }
  return value
}
