// Who may do what with a database: server admins, its admins, its members.
import { forbidden, notDbAdmin, notServerAdmin, unauthorized } from './errors.js'

function isIn (user, group = {}) {
  return (group.names ?? []).includes(user.name) || (group.roles ?? []).some(role => user.roles.includes(role))
}

export function requireServerAdmin (user) {
  if (!user.admin) throw notServerAdmin()
}

export const isDbAdmin = (user, db) => user.admin || (user.name !== null && isIn(user, db.security.admins))

export function requireDbAdmin (user, db) {
  if (!isDbAdmin(user, db)) throw notDbAdmin()
}

/** Members may read and write; a database with neither member names nor roles is everybody's. */
export function requireMember (user, db) {
  const members = db.security.members ?? {}
  if ((members.names ?? []).length === 0 && (members.roles ?? []).length === 0) return
  if (isDbAdmin(user, db) || isIn(user, members)) return
  if (user.name === null) throw unauthorized('You are not authorized to access this db.')
  throw forbidden('You are not allowed to access this db.')
}
