-- Gives {} or {fence, now, wake counter, owner's hash, fields of the cluster, fields of its job}.
local a = paired(ARGV)
local key = cluster_key(a.id)
if is_leased({lease_until = field(key, 'lease_until')}) then
  due_within(a.id, RETRY_TAKEN)
  return {}
end
if forget_if_over(a.id, a.user, a.tag) then return {} end

local job = unfinished(a.id)
if job and job.status == 'queued' then
  job.status, job.started_at = 'running', text(now)
  write(job_key(job.id), {status = job.status, started_at = job.started_at})
  note(job)
  post(a.id, job.id, false)
end
write(key, {fence = next_number(), lease_until = after(a.ttl), lease_owner = a.owner})
due_in(a.id, a.ttl)
local cluster = read(key)
return {cluster.fence, text(now), cluster.wake, field(OWNERS, a.user), flat(cluster), job and flat(job) or {}}
