// A replication document: what it must look like, and what it asks for.
import crypto from 'node:crypto'
import { forbidden } from '../errors.js'
import { identityOf, parseEndpoint } from './endpoint.js'

const TYPES = {
  continuous: 'boolean',
  create_target: 'boolean',
  use_checkpoints: 'boolean',
  use_bulk_get: 'boolean',
  winning_revs_only: 'boolean',
  worker_batch_size: 'number',
  worker_processes: 'number',
  http_connections: 'number',
  retries_per_request: 'number',
  connection_timeout: 'number',
  checkpoint_interval: 'number'
}
const OPTIONS = [...Object.keys(TYPES), 'filter', 'query_params', 'doc_ids', 'selector', 'since_seq', 'create_target_params']

const refuse = text => forbidden(`{throw,{bad_request,<<"${text}">>}}`)

/** Refuses a document that CouchDB 3.3 and later refuse when it is written. Throws 403. */
export function validateReplication (doc) {
  parseEndpoint(doc.source)
  parseEndpoint(doc.target)
  for (const [key, type] of Object.entries(TYPES)) {
    if (doc[key] !== undefined && typeof doc[key] !== type) throw refuse(`parameter \`${key}\` must be a ${type}`)
  }
  const { selector, doc_ids: ids } = doc
  if (selector !== undefined && (selector === null || typeof selector !== 'object' || Array.isArray(selector))) {
    throw refuse('parameter `selector` must be a JSON object')
  }
  if (ids !== undefined && !Array.isArray(ids)) throw refuse('parameter `doc_ids` must be an array')
  const filters = ['filter', 'selector', 'doc_ids'].filter(key => doc[key] !== undefined)
  if (filters.length > 1) throw refuse(`\`${filters.join('`, `')}\` are mutually exclusive`)
}

/**
 * What a document (or the body of POST /_replicate) asks for. `baseId` names the checkpoints, `id` the job; `key` changes when
 * anything that matters changes, so an equal document or one with an unknown field more is no change.
 */
export function parseReplication (doc, serverUuid) {
  const source = parseEndpoint(doc.source)
  const target = parseEndpoint(doc.target)
  const options = {}
  for (const name of OPTIONS) {
    if (doc[name] !== undefined) options[name] = doc[name]
  }
  const filters = ['filter', 'query_params', 'doc_ids', 'selector', 'winning_revs_only'].map(name => options[name] ?? null)
  const named = [serverUuid, identityOf(source), identityOf(target), filters]
  const baseId = crypto.createHash('md5').update(JSON.stringify(named)).digest('hex')
  const suffix = (options.continuous ? '+continuous' : '') + (options.create_target ? '+create_target' : '')
  return { source, target, options, baseId, id: baseId + suffix, key: JSON.stringify([source, target, options]) }
}
