// The filter function that a replication names: it must be there before the replication can start.
import { Client, ReplicationError } from './client.js'

/** Throws when the design document of a named filter cannot be read at the source. */
export async function fetchFilter ({ source, options }, config) {
  const { filter } = options
  if (typeof filter !== 'string' || filter.startsWith('_')) return
  const design = `_design/${filter.split('/')[0]}`
  const client = new Client(source, { timeout: config.number('replicator', 'connection_timeout'), retries: 0 })
  const answer = await client.request('GET', design)
  if (answer.status === 200) return
  throw new ReplicationError('filter_fetch_error',
    `Couldn't open document \`${design}\` from source database \`${source.url}\`: {error,<<"${answer.json().error}">>}`)
}
