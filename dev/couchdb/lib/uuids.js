// Ids made here: 32 hex digits.
import crypto from 'node:crypto'

export const newUuid = () => crypto.randomBytes(16).toString('hex')
