// Answers in JSON with CouchDB's headers.
export const SERVER = 'CouchDB/3.5.0 (kanto stand-in)'

/** Sends a whole JSON answer; `undefined` sends none. */
export function send (ctx, status, value, headers = {}) {
  if (ctx.res.headersSent || ctx.res.destroyed) return
  const body = value === undefined ? '' : JSON.stringify(value) + '\n'
  ctx.res.writeHead(status, {
    server: SERVER,
    'cache-control': 'must-revalidate',
    ...(value === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    ...headers
  })
  ctx.res.end(ctx.req.method === 'HEAD' ? '' : body)
}

/** Sends an error. What was already begun can only be cut. */
export function sendError (ctx, known) {
  if (ctx.res.headersSent) {
    ctx.res.destroy()
    return
  }
  // A body that was not read would be taken for the next request.
  const headers = ctx.req.complete ? known.headers : { ...known.headers, connection: 'close' }
  send(ctx, known.status, { error: known.error, reason: known.reason }, headers)
}

/** Begins an answer of unknown length. */
export function begin (ctx, contentType = 'application/json') {
  ctx.res.writeHead(200, { server: SERVER, 'cache-control': 'must-revalidate', 'content-type': contentType })
}
