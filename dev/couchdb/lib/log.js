// One plain line on stdout per event; below the level nothing.
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'none']

export class Log {
  constructor (config) {
    this.config = config
  }

  write (level, text) {
    const wanted = LEVELS.indexOf(this.config.get('log', 'level'))
    // Real CouchDB writes a line per request at info; a stand-in of many nodes would drown its reader.
    const least = wanted <= 0 ? wanted : Math.max(wanted, LEVELS.indexOf('warning'))
    if (LEVELS.indexOf(level) >= least) console.log(`[${level}] ${new Date().toISOString()} ${text}`)
  }

  debug (text) { this.write('debug', text) }
  warning (text) { this.write('warning', text) }
  error (text) { this.write('error', text) }
}
