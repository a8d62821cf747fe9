// validate_doc_update functions of design documents, run in a context of their own with a time limit.
import vm from 'node:vm'
import { forbidden, unauthorized } from './errors.js'

const TIME = 1000

/** Throws 401 or 403 when a design document of the database refuses a document; design documents themselves are not asked about. */
export async function checkByDesigns (ctx, db, doc, current) {
  if (doc._id.startsWith('_design/')) return
  const sources = await validations(db)
  if (sources.length === 0) return
  const old = await current()
  const userCtx = { db: db.name, name: ctx.user.name, roles: ctx.user.roles }
  const args = JSON.stringify([doc, old, userCtx, db.security])
  for (const source of sources) {
    const refused = run(source, args)
    if (refused?.forbidden !== undefined) throw forbidden(String(refused.forbidden))
    if (refused?.unauthorized !== undefined) throw unauthorized(String(refused.unauthorized))
    if (refused !== undefined) throw forbidden(String(refused))
  }
}

async function validations (db) {
  const pouch = await db.open()
  const head = (await pouch.info()).update_seq
  if (db.validations?.head === head) return db.validations.sources
  const seq = db.validations?.head ?? 0
  const fresh = await pouch.changes({ since: seq, return_docs: true })
  if (!db.validations || fresh.results.some(change => change.id.startsWith('_design/'))) {
    const designs = await pouch.allDocs({ startkey: '_design/', endkey: '_design0', include_docs: true })
    db.validations = { sources: designs.rows.map(row => row.doc.validate_doc_update).filter(text => typeof text === 'string') }
  }
  db.validations.head = head
  return db.validations.sources
}

function run (source, args) {
  const script = `(function () { try { (${source}).apply(null, JSON.parse(args)) } catch (e) {
    return JSON.stringify(e && typeof e === 'object' && !(e instanceof Error) ? e : { forbidden: String(e) }) } })()`
  // A bare object and a text: nothing in there leads out of the context.
  const scope = Object.assign(Object.create(null), { args })
  const text = vm.runInNewContext(script, scope, { timeout: TIME, contextCodeGeneration: { strings: false, wasm: false } })
  return text === undefined ? undefined : JSON.parse(text)
}

