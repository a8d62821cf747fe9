// When a crashed replication may run again. Pure.

const FIRST = 30000
const MOST_DOUBLINGS = 10

/** Milliseconds to wait after that many crashes in a row: 30 s, doubled each time, at most 8.5 h (measured on CouchDB 3.5.0). */
export function backOff (crashes) {
  return FIRST * 2 ** Math.min(Math.max(crashes, 1) - 1, MOST_DOUBLINGS)
}
