// Ini files as CouchDB reads and writes them: sections, `key = value`, comments from `;`.
import fs from 'node:fs'

/** The values of an ini file, section by section; a missing file is an empty one. */
export function readIni (path) {
  const sections = new Map()
  let text
  try {
    text = fs.readFileSync(path, 'utf8')
  } catch (err) {
    if (err.code === 'ENOENT') return sections
    throw err
  }
  let section = null
  for (const line of text.split(/\r?\n/)) {
    const head = /^\s*\[([^\]]+)\]/.exec(line)
    if (head) {
      section = sectionOf(sections, head[1].trim())
      continue
    }
    if (!section || /^\s*([;#]|$)/.test(line)) continue
    const at = line.indexOf('=')
    if (at < 0) continue
    section.set(line.slice(0, at).trim(), line.slice(at + 1).replace(/\s;.*$/, '').trim())
  }
  return sections
}

/** The map of one section, made if it is missing. */
export function sectionOf (sections, name) {
  if (!sections.has(name)) sections.set(name, new Map())
  return sections.get(name)
}

/** Writes all values of an ini file; a reader sees the old file or the new one. Comments are not kept. */
export function writeIni (path, sections) {
  let text = ''
  for (const [name, values] of sections) {
    if (values.size === 0) continue
    text += `[${name}]\n`
    for (const [key, value] of values) text += `${key} = ${value}\n`
    text += '\n'
  }
  replaceFile(path, text)
}

/** Puts a file in place of another, written whole before it gets its name. */
export function replaceFile (path, text) {
  const made = `${path}.${process.pid}.new`
  const fd = fs.openSync(made, 'w', 0o600)
  try {
    fs.writeSync(fd, text)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  fs.renameSync(made, path)
}
