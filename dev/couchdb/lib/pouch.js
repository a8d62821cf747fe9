// PouchDB with the parts used here: leveldb files, remote databases over HTTP, replication.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const PouchDB = require('pouchdb-core')
PouchDB.plugin(require('pouchdb-adapter-leveldb'))

let replication = false

const FILES = { adapter: 'leveldb', cacheSize: 1024 * 1024, writeBufferSize: 1024 * 1024, revs_limit: 1000 }

/** Opens the files of one database; made if missing. Small caches: a node holds many databases. */
export function openFiles (path) {
  return new PouchDB(path, FILES)
}

/** PouchDB with replication over HTTP, loaded by the first replication. */
export function replicatingPouch () {
  if (!replication) {
    PouchDB.plugin(require('pouchdb-adapter-http'))
    PouchDB.plugin(require('pouchdb-replication'))
    replication = true
  }
  return PouchDB
}

/** Whether a document is taken by a Mango selector. */
export function matches (doc, selector) {
  return require('pouchdb-selector-core').matchesSelector(doc, selector)
}

/** The leaves of a revision tree as [{rev, pos, opts}]. */
export function leavesOf (tree) {
  return require('pouchdb-merge').collectLeaves(tree)
}

/** All revisions that a tree has a place for, with a body or without. */
export function revisionsOf (tree) {
  const found = new Set()
  require('pouchdb-merge').traverseRevTree(tree, (isLeaf, pos, hash) => { found.add(`${pos}-${hash}`) })
  return found
}
