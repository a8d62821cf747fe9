-- Gives 'ok', 'not_rebuilt' or 'missing'. The versions move, so that the mirror of each cluster gets the new hash.
local a = paired(ARGV)
if not is_rebuilt() then return 'not_rebuilt' end
if redis.call('HEXISTS', OWNERS, a.user) == 0 then return 'missing' end
redis.call('HSET', OWNERS, a.user, a.owner_hash)
local tags = redis.call('SMEMBERS', tags_key(a.user))
table.sort(tags)
for _, tag in ipairs(tags) do
  local id = a.user .. '/' .. tag
  local key = cluster_key(id)
  if not field(key, 'gone_until') then
    local job = unfinished(id)
    local former, version = field(key, 'version'), next_number()
    write(key, {version = version})
    if job and job.version == former then write(job_key(job.id), {version = version}) end
    redis.call('HINCRBY', key, 'wake', 1)
    due_now(id)
  end
end
return 'ok'
