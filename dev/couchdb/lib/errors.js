// The answers that are not what was asked for: status, error word and reason.

/** An HTTP answer in CouchDB's error form, `{"error": .., "reason": ..}`. */
export class CouchError extends Error {
  constructor (status, error, reason, headers = {}) {
    super(`${status} ${error}: ${reason}`)
    this.status = status
    this.error = error
    this.reason = reason
    this.headers = headers
  }
}

export const badRequest = reason => new CouchError(400, 'bad_request', reason)
export const queryParseError = reason => new CouchError(400, 'query_parse_error', reason)
export const unauthorized = reason => new CouchError(401, 'unauthorized', reason)
export const notServerAdmin = () => unauthorized('You are not a server admin.')
export const notDbAdmin = () => unauthorized('You are not a db or server admin.')
export const forbidden = reason => new CouchError(403, 'forbidden', reason)
export const notFound = reason => new CouchError(404, 'not_found', reason)
export const noDatabase = () => notFound('Database does not exist.')
export const methodNotAllowed = allowed =>
  new CouchError(405, 'method_not_allowed', `Only ${allowed} allowed`, { allow: allowed })
export const conflict = () => new CouchError(409, 'conflict', 'Document update conflict.')
export const fileExists = () =>
  new CouchError(412, 'file_exists', 'The database could not be created, the file already exists.')
export const tooLarge = () => new CouchError(413, 'document_too_large', '')

/** What PouchDB threw, in CouchDB's words. Anything unknown is a 500 that keeps its message. */
export function fromPouch (err) {
  if (err instanceof CouchError) return err
  const status = Number.isInteger(err.status) ? err.status : 500
  if (status === 404) return notFound(err.reason === 'deleted' ? 'deleted' : 'missing')
  if (status === 409) return conflict()
  const word = typeof err.name === 'string' && /^[a-z_]+$/.test(err.name) ? err.name : 'internal_server_error'
  return new CouchError(status, word, err.reason || err.message || 'unknown')
}

/** Whether leveldb could not read or write its files: its words for that, which PouchDB passes on. */
export const isOfFiles = err => /^(IO error|Corruption): /.test(err.message ?? '')
