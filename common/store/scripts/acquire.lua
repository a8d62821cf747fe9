-- Gives {}, or {'newer'} for what a newer kanto wrote, which keeps its job and its place, or {fence, now, wake counter, owner's hash, 1 if the owner is disabled, fields of the cluster, of its job}.
local a = paired(ARGV)
local key = cluster_key(a.id)
if is_leased({lease_until = field(key, 'lease_until')}) then
  due_within(a.id, RETRY_TAKEN)
  return {}
end
if forget_if_over(a.id, a.user, a.tag) then return {} end

local job = unfinished(a.id)
if is_newer(read(key), a.schema) or is_newer(job or {}, a.schema) then
  due_in(a.id, RETRY_NEWER)
  return {'newer'}
end
if job and job.status == 'queued' then
  job.status, job.started_at = 'running', text(now)
  write(job_key(job.id), {status = job.status, started_at = job.started_at})
  note(job)
  post(a.id, job.id, false)
end
write(key, {fence = next_number(), lease_until = after(a.ttl), lease_owner = a.owner})
due_in(a.id, a.ttl)
local cluster = read(key)
local owner = {field(OWNERS, a.user), redis.call('SISMEMBER', DISABLED, a.user)}
return {cluster.fence, text(now), cluster.wake, owner[1], owner[2], flat(cluster), job and flat(job) or {}}
