-- Goes before the commands that change something of all clusters of a user.

-- The user's clusters that are not gone, by tag.
local function clusters_of(user)
  local found = {}
  local tags = redis.call('SMEMBERS', tags_key(user))
  table.sort(tags)
  for _, tag in ipairs(tags) do
    local id = user .. '/' .. tag
    if not field(cluster_key(id), 'gone_until') then found[#found + 1] = {tag = tag, id = id} end
  end
  return found
end

-- Another version of a cluster, with these fields of it and of its job; the job of the version before goes on.
local function move(id, changes, job_changes)
  local key = cluster_key(id)
  local job = unfinished(id)
  local former, version = field(key, 'version'), next_number()
  changes.version = version
  write(key, changes)
  if job then
    if job.version == former then job_changes.version = version end
    write(job_key(job.id), job_changes)
  end
  redis.call('HINCRBY', key, 'wake', 1)
  due_now(id)
end
