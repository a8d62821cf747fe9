-- A release that took place already is no loss: the first answer may have been lost on the way.
local a = paired(ARGV)
local key = cluster_key(a.id)
local cluster = read(key)
if cluster and cluster.released == a.fence then return 'ok' end
if not is_held(cluster, a.fence) then return 'lost' end

local is_moved = cluster.version ~= a.version
local job = write_outcome(a, cluster)
if a.ended and job then
  local has_succeeded = a.ended == 'succeeded'
  finish(job, {status = a.ended, error = a.error, result = has_succeeded and field(key, 'view') or nil})
  if not has_succeeded then restore(job) end
else
  tell(a, job)
end
if a.gone and not is_moved and not cluster.gone_until then
  write(key, {gone_until = after(a.gone_for)})
  redis.call('HDEL', sizes_key(a.user), a.tag)
end
redis.call('HDEL', key, 'lease_until', 'lease_owner')
write(key, {released = a.fence})
if is_moved or field(key, 'wake') ~= a.wake_seen then due_now(a.id) else due_in(a.id, a.due_in) end
return 'ok'
