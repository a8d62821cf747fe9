// Puts a server together, starts it, restarts it, stops it.
import fs from 'node:fs'
import path from 'node:path'
import { Auth } from './auth.js'
import { Config } from './config.js'
import { Databases } from './databases.js'
import { isHashed, makeLine } from './hashing.js'
import { Log } from './log.js'
import { Scheduler } from './replicator/scheduler.js'
import { Server } from './server.js'
import { newUuid } from './uuids.js'

const STOP_TIME = 1500

/** Starts a server from its environment; ends the process with a sentence where it cannot. */
export async function main (env) {
  process.on('unhandledRejection', err => console.log(`[error] ${new Date().toISOString()} not handled: ${err?.stack ?? err}`))
  const stop = reason => {
    console.log(reason)
    process.exit(1)
  }
  try {
    const node = new Node(env)
    await node.prepare()
    await node.start()
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => node.end())
  } catch (err) {
    stop(`couchdb (stand-in) cannot start: ${err.message}`)
  }
}

/** The ini files to read: COUCHDB_INI_FILES, else one in a folder of this program's name below the current one. */
function iniFiles (env) {
  const given = (env.COUCHDB_INI_FILES ?? '').split(/\s+/).filter(Boolean)
  if (given.length > 0) return given
  const folder = path.resolve('couchdb-stand-in')
  fs.mkdirSync(folder, { recursive: true })
  return [path.join(folder, 'local.ini')]
}

class Node {
  constructor (env) {
    this.env = env
    this.config = new Config(iniFiles(env))
    this.log = new Log(this.config)
    this.databases = new Databases(this.config)
    this.auth = new Auth(this.config, this.databases)
    this.restarting = null
  }

  /** What the official image's start script and CouchDB's own start do to the settings: admin, secret, uuid, hashes. */
  async prepare () {
    const { config, env } = this
    const folder = path.dirname(path.resolve(config.lastFile))
    if (!fs.existsSync(folder)) throw new Error(`the folder of its last ini file is missing: ${folder}`)
    if (config.explicit('couchdb', 'database_dir') === undefined) {
      config.set('couchdb', 'database_dir', path.join(folder, 'data'))
    }
    if (env.COUCHDB_USER && env.COUCHDB_PASSWORD && config.explicit('admins', env.COUCHDB_USER) === undefined) {
      config.set('admins', env.COUCHDB_USER, await this.hashed(env.COUCHDB_PASSWORD))
    }
    if (env.COUCHDB_SECRET && config.explicit('chttpd_auth', 'secret') === undefined) {
      config.set('chttpd_auth', 'secret', env.COUCHDB_SECRET)
    }
    const admins = Object.entries(config.section('admins'))
    if (admins.length === 0) {
      throw new Error('no admin is set: give one in the section [admins] of an ini file, or COUCHDB_USER and COUCHDB_PASSWORD')
    }
    for (const [name, line] of admins) {
      if (!isHashed(line)) config.set('admins', name, await this.hashed(line))
    }
    if (config.explicit('chttpd_auth', 'secret') === undefined) config.set('chttpd_auth', 'secret', newUuid())
    if (config.explicit('couchdb', 'uuid') === undefined) config.set('couchdb', 'uuid', newUuid())
  }

  async hashed (password) {
    return isHashed(password) ? password : makeLine(password, this.config.number('chttpd_auth', 'iterations'))
  }

  get name () {
    return `couchdb@${this.env.NODENAME || this.config.get('chttpd', 'bind_address')}`
  }

  async start () {
    const { config, log, databases, auth } = this
    databases.load(config.get('couchdb', 'uuid'))
    databases.ensureSystem()
    this.scheduler = new Scheduler({ config, log, databases, nodeName: this.name })
    databases.onCreate = db => this.scheduler.onDatabase(db)
    this.server = new Server({
      config,
      log,
      databases,
      auth,
      scheduler: this.scheduler,
      nodeName: this.name,
      onConfig: section => { if (section === 'replicator') this.scheduler.onConfig() },
      restart: () => this.restart()
    })
    await this.server.listen()
    this.scheduler.start()
    const address = `${config.get('chttpd', 'bind_address')}:${config.get('chttpd', 'port')}`
    if (!this.restarting) {
      console.log(`A stand-in for CouchDB 3.5 listens on http://${address} with data in ${databases.folder}. ` +
        'It is for trying and testing kanto, not for data one loves.')
    }
  }

  /** As CouchDB's own restart: connections cut, logins and unsaved settings forgotten, the process stays. */
  restart () {
    this.restarting ??= this.restartOnce().finally(() => { this.restarting = null })
    return this.restarting
  }

  async restartOnce () {
    try {
      await this.halt()
      this.config.reload()
      this.auth.forget()
      await this.prepare()
      await this.start()
    } catch (err) {
      console.log(`couchdb (stand-in) cannot start again: ${err.message}`)
      process.exit(1)
    }
  }

  async halt () {
    await Promise.all([this.server.stop(), this.scheduler.stop()])
    await this.databases.close()
  }

  async end () {
    setTimeout(() => process.exit(0), STOP_TIME)
    await this.halt()
    process.exit(0)
  }
}
