// Documents with attachments as MIME parts, the form in which CouchDB's own replicator moves them (RFC 2046, RFC 2387).
import crypto from 'node:crypto'
import zlib from 'node:zlib'
import { badRequest } from './errors.js'

const END = Buffer.from('\r\n\r\n')

/** The boundary in a content type, or null where it is no multipart. */
export function boundaryOf (contentType = '') {
  if (!/^multipart\//i.test(contentType)) return null
  const found = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  return found ? found[1] ?? found[2] : null
}

/** The parts of a body: [{headers, body}]. */
function readParts (bytes, boundary) {
  const mark = Buffer.from(`--${boundary}`)
  const parts = []
  let at = bytes.indexOf(mark)
  while (at >= 0) {
    const next = bytes.indexOf(mark, at + mark.length)
    if (next < 0) break
    // Between two marks: a line end, headers, an empty line, the body, a line end.
    const part = bytes.subarray(at + mark.length + 2, next - 2)
    const split = part.subarray(0, 2).equals(END.subarray(0, 2)) ? -2 : part.indexOf(END)
    const head = split < 0 ? '' : part.subarray(0, split).toString()
    parts.push({ headers: headersIn(head), body: part.subarray(split + END.length) })
    at = next
  }
  return parts
}

function headersIn (text) {
  const lines = text.split('\r\n').map(line => /^([^:]+):\s*(.*)$/.exec(line)).filter(Boolean)
  return Object.fromEntries(lines.map(([, name, value]) => [name.toLowerCase(), value]))
}

/** The document of a multipart/related body, with its attachments' bytes in place of `follows`. Throws 400. */
export function readRelated (bytes, boundary) {
  const [first, ...rest] = readParts(bytes, boundary)
  let doc
  try {
    doc = JSON.parse(first.body.toString())
  } catch {
    throw badRequest('the first part must be the document as JSON')
  }
  const following = Object.entries(doc._attachments ?? {}).filter(([, about]) => about.follows)
  if (following.length > rest.length) throw badRequest('there are fewer parts than attachments that follow')
  const attachments = { ...doc._attachments }
  following.forEach(([name, about], i) => {
    const named = rest.find(part => nameOf(part) === name) ?? rest[i]
    const { follows, length, digest, encoding, encoded_length: encoded, ...kept } = about
    attachments[name] = { ...kept, data: encoding === 'gzip' ? zlib.gunzipSync(named.body) : named.body }
  })
  return following.length > 0 ? { ...doc, _attachments: attachments } : doc
}

const nameOf = part => /filename="([^"]*)"/.exec(part.headers['content-disposition'] ?? '')?.[1]

export const newBoundary = () => crypto.randomBytes(16).toString('hex')

/** A body of parts [{headers, body}]. */
export function writeParts (parts, boundary) {
  const lines = parts.flatMap(({ headers, body }) => {
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
    return [Buffer.from(`--${boundary}\r\n${head}\r\n`), Buffer.from(body), Buffer.from('\r\n')]
  })
  return Buffer.concat([...lines, Buffer.from(`--${boundary}--`)])
}

/** A document as one part: JSON alone, or multipart/related when it has attachments (their data as base64 in `_attachments`). */
export function partOf (doc) {
  const all = Object.entries(doc._attachments ?? {})
  if (all.length === 0) return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(doc) }
  const follows = {}
  const bodies = all.map(([name, { data, ...about }]) => {
    const body = Buffer.from(data, 'base64')
    follows[name] = { ...about, follows: true, length: body.length }
    const headers = {
      'Content-Disposition': `attachment; filename="${name}"`,
      'Content-Type': about.content_type,
      'Content-Length': body.length
    }
    return { headers, body }
  })
  const boundary = newBoundary()
  const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...doc, _attachments: follows }) }
  return {
    headers: { 'Content-Type': `multipart/related; boundary="${boundary}"` },
    body: writeParts([json, ...bodies], boundary)
  }
}
