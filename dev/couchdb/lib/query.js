// Values in a query string.
import { badRequest, queryParseError } from './errors.js'

/** A whole number, or `otherwise` where it is not given. Throws 400. */
export function numberIn (query, name, otherwise) {
  const text = query[name]
  if (text === undefined) return otherwise
  if (!/^\d+$/.test(text)) throw queryParseError(`Invalid value for integer: "${text}"`)
  return Number(text)
}

/** Whether it is `true`. Throws 400 for anything but `true` and `false`. */
export function flagIn (query, name) {
  const text = query[name] ?? 'false'
  if (text !== 'true' && text !== 'false') throw badRequest(`Invalid \`${name}\` parameter`)
  return text === 'true'
}

/** A JSON value, undefined where it is not given. Throws 400. */
export function jsonIn (query, name) {
  if (query[name] === undefined) return undefined
  try {
    return JSON.parse(query[name])
  } catch {
    throw queryParseError(`Invalid value for ${name}: ${query[name]}`)
  }
}
