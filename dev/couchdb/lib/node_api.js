// /_node/_local/...: settings at run time, restart, names.
import { send } from './answers.js'
import { readBytes, readJson } from './body.js'
import { badRequest, forbidden, methodNotAllowed, notFound } from './errors.js'
import { isHashed, makeLine, parseLine } from './hashing.js'
import { requireServerAdmin } from './rights.js'

// Names that an ini file gives back as they were.
const NAME = /^[^\s;#[\]=][^[\]=\r\n]*$/

export async function handleNode (ctx, [node, part, ...rest]) {
  requireServerAdmin(ctx.user)
  if (node !== '_local' && node !== ctx.nodeName) throw notFound(`no such node: ${node}`)
  switch (part) {
    case undefined: return send(ctx, 200, { name: ctx.nodeName })
    case '_config': return handleConfig(ctx, rest)
    case '_restart': return restart(ctx)
    case '_versions': return send(ctx, 200, { javascript_engine: { name: 'node', version: process.version } })
    case '_system': return send(ctx, 200, { uptime: Math.floor(process.uptime()), memory: { other: process.memoryUsage.rss() } })
    default: throw notFound('missing')
  }
}

async function restart (ctx) {
  if (ctx.method !== 'POST') throw methodNotAllowed('POST')
  await readBytes(ctx.req)
  ctx.res.on('finish', () => ctx.restart())
  send(ctx, 200, { ok: true }, { connection: 'close' })
}

async function handleConfig (ctx, [section, key, ...more]) {
  const { config } = ctx
  if (more.length > 0) throw notFound('missing')
  if (ctx.method === 'GET' && section === undefined) return send(ctx, 200, config.all())
  if (ctx.method === 'POST' && section === '_reload') {
    config.reload()
    return send(ctx, 200, { ok: true })
  }
  if (ctx.method === 'GET' && key === undefined) return send(ctx, 200, config.section(section))
  if (key === undefined) throw methodNotAllowed('GET')
  if (!NAME.test(section) || !NAME.test(key)) throw badRequest('this name of a section or key cannot be kept in an ini file')
  const persist = ctx.req.headers['x-couch-persist'] !== 'false'
  const old = config.explicit(section, key)
  switch (ctx.method) {
    case 'GET':
      if (old === undefined) throw notFound('unknown_config_value')
      return send(ctx, 200, old)
    case 'PUT':
      config.set(section, key, await valueOf(ctx, section), { persist })
      ctx.onConfig(section, key)
      return send(ctx, 200, old ?? '')
    case 'DELETE':
      if (old === undefined) throw notFound('unknown_config_value')
      config.delete(section, key, { persist })
      ctx.onConfig(section, key)
      return send(ctx, 200, old)
    default: throw methodNotAllowed('GET,PUT,DELETE')
  }
}

/** The value to store: passwords of admins are hashed on the way in, lines already hashed stay as they are. */
async function valueOf (ctx, section) {
  const value = await readJson(ctx.req)
  if (typeof value !== 'string') throw badRequest('a config value must be a JSON string')
  if (/[\r\n]/.test(value)) throw badRequest('a config value must be one line')
  if (section !== 'admins') return value.trim()
  if (!isHashed(value)) return makeLine(value, ctx.config.number('chttpd_auth', 'iterations'))
  if (parseLine(value)?.iterations === 0) throw forbidden('Iterations must be greater than 0')
  return value
}
