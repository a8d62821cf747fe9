// Password hashes: the admin lines of an ini file and the fields of a user document.
import crypto from 'node:crypto'
import { promisify } from 'node:util'

const pbkdf2 = promisify(crypto.pbkdf2)
const DIGESTS = { sha: 'sha1', sha256: 'sha256', sha512: 'sha512', sha384: 'sha384', sha224: 'sha224' }
const LENGTHS = { sha: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 }
const LINE = /^-pbkdf2(?::(sha|sha224|sha256|sha384|sha512))?-([0-9a-f]+),([^,]+),(\d+)$/

/**
 * The parts of a pre-hashed admin line, null for a password in the clear.
 *
 * Forms: `-pbkdf2-HEX,SALT,ITERATIONS` (sha1, 20 bytes) and `-pbkdf2:PRF-HEX,SALT,ITERATIONS`; the salt counts as ASCII text
 * (measured on CouchDB 3.5.0).
 */
export function parseLine (line) {
  const found = LINE.exec(line)
  if (!found) return null
  return { prf: found[1] ?? 'sha', key: found[2], salt: found[3], iterations: Number(found[4]) }
}

export const isHashed = line => /^-(pbkdf2|hashed)[-:]/.test(line)

async function derive (password, salt, iterations, prf) {
  if (iterations <= 2000) return crypto.pbkdf2Sync(password, salt, iterations, LENGTHS[prf], DIGESTS[prf]).toString('hex')
  return (await pbkdf2(password, salt, iterations, LENGTHS[prf], DIGESTS[prf])).toString('hex')
}

/** Makes the line that stands for a password in the clear. */
export async function makeLine (password, iterations) {
  const hash = await hashPassword(password, iterations)
  return `-pbkdf2:sha256-${hash.key},${hash.salt},${iterations}`
}

/** A new salt and the key of a password under it. */
export async function hashPassword (password, iterations) {
  const salt = crypto.randomBytes(16).toString('hex')
  return { prf: 'sha256', salt, iterations, key: await derive(password, salt, iterations, 'sha256') }
}

/** Whether a password belongs to a hash {prf, key, salt, iterations}. */
export async function isPassword (password, hash) {
  if (!LENGTHS[hash.prf] || !(hash.iterations > 0)) return false
  const key = await derive(password, hash.salt, hash.iterations, hash.prf)
  return isSame(key, hash.key)
}

/** Compares two texts without telling by time where they differ. */
export function isSame (one, other) {
  const a = Buffer.from(one)
  const b = Buffer.from(other)
  return a.length === b.length && crypto.timingSafeEqual(a, b)
}
