// _session: who am I, log in, log out.
import { send } from './answers.js'
import { readBytes } from './body.js'
import { WRONG_PASSWORD } from './auth.js'
import { badRequest, CouchError, methodNotAllowed } from './errors.js'

export async function handleSession (ctx) {
  switch (ctx.method) {
    case 'GET': return show(ctx)
    case 'POST': return login(ctx)
    case 'DELETE': return send(ctx, 200, { ok: true }, { 'set-cookie': cookie(ctx, '') })
    default: throw methodNotAllowed('GET,HEAD,POST,DELETE')
  }
}

function show (ctx) {
  const { name, roles, via } = ctx.user
  const info = { authentication_handlers: ['cookie', 'default'], ...(via ? { authenticated: via } : {}) }
  send(ctx, 200, { ok: true, userCtx: { name, roles }, info })
}

async function login (ctx) {
  const { name, password } = await credentials(ctx)
  const user = await ctx.auth.login(name, password, ctx.req.socket.remoteAddress)
  if (!user) throw new CouchError(401, 'unauthorized', WRONG_PASSWORD, { 'set-cookie': cookie(ctx, '') })
  const record = await ctx.auth.record(name)
  send(ctx, 200, { ok: true, name, roles: user.roles }, { 'set-cookie': cookie(ctx, ctx.auth.makeCookie(record)) })
}

async function credentials (ctx) {
  const text = (await readBytes(ctx.req)).toString()
  const type = ctx.req.headers['content-type'] ?? ''
  let given
  if (type.startsWith('application/json')) {
    try {
      given = JSON.parse(text)
    } catch {
      throw badRequest('invalid UTF-8 JSON')
    }
  } else {
    given = Object.fromEntries(new URLSearchParams(text))
  }
  const { name, username = name, password = '' } = given
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw badRequest('request body must contain a username and a password')
  }
  return { name: username, password }
}

function cookie (ctx, value) {
  const age = ctx.config.number('chttpd_auth', 'timeout')
  const expires = new Date(Date.now() + age * 1000).toUTCString()
  return `AuthSession=${value}; Version=1; Expires=${expires}; Max-Age=${age}; Path=/; HttpOnly`
}
