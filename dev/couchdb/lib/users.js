// The rules of the users database: what a user document must look like, who may see and change it, and hashing on write.
import { forbidden, notFound } from './errors.js'
import { hashPassword } from './hashing.js'
import { isDbAdmin } from './rights.js'

const PREFIX = 'org.couchdb.user:'

export const isUsers = (config, db) => db.name === config.get('chttpd_auth', 'authentication_db')

/** Hides other people's documents: for who may not see it, a user document does not exist. */
export function requireSight (user, db, id) {
  if (isDbAdmin(user, db) || id.startsWith('_design/')) return
  if (user.name === null || id !== PREFIX + user.name) throw notFound('missing')
}

/**
 * Checks a user document and replaces its password by key and salt. Throws 403 with the words of CouchDB's own `_design/_auth`.
 */
export async function prepareUser (config, { doc, user, db, old }) {
  if (doc._id.startsWith('_design/') || doc._id.startsWith('_local/')) return doc
  const admin = isDbAdmin(user, db)
  if (doc._deleted) {
    if (!admin && (!old || old.name !== user.name)) throw forbidden('You may only delete your own user document.')
    return doc
  }
  if (doc.type !== 'user') throw forbidden('doc.type must be user')
  if (!doc.name) throw forbidden('doc.name is required')
  if (!Array.isArray(doc.roles)) throw forbidden('doc.roles must be an array')
  if (doc._id !== PREFIX + doc.name) throw forbidden('Doc ID must be of the form org.couchdb.user:name')
  if (doc.roles.some(role => typeof role !== 'string' || role.startsWith('_'))) {
    throw forbidden('No system roles (starting with underscore) in users db.')
  }
  if (!admin) {
    if (old && old.name !== user.name) throw forbidden('You may only update your own user document.')
    const before = [...(old?.roles ?? [])].sort().join('\0')
    if ([...doc.roles].sort().join('\0') !== before) throw forbidden('Only _admin may set roles')
  }
  if (doc.password === undefined || doc.password === null) return doc
  const { password, ...rest } = doc
  const hash = await hashPassword(String(password), config.number('chttpd_auth', 'iterations'))
  return {
    ...rest,
    password_scheme: 'pbkdf2',
    pbkdf2_prf: hash.prf,
    salt: hash.salt,
    iterations: hash.iterations,
    derived_key: hash.key
  }
}
