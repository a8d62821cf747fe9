-- A spec and its job, together. Gives {refusal or '', fields of the job or of the one that runs} and, where a request
-- of this idempotency key was taken before, the fields of what is remembered of it.
local a = paired(ARGV)
local key = cluster_key(a.id)

local function accept()
  local former = unfinished(a.id)
  local undo, undo_replicas = a.undo, a.undo_replicas
  if former and former.version == field(key, 'version') and former.restore then
    undo, undo_replicas = former.restore, former.restore_replicas
  end
  supersede(a.id)
  local version = next_number()
  redis.call('HSETNX', OWNERS, a.user, a.owner_hash)
  if a.kind == 'create' then
    redis.call('HDEL', key, 'memory', 'durable', 'view', 'gone_until', 'conflicts', 'count_until', 'told')
    redis.call('DEL', steps_key(a.id))
  end
  write(key, {spec = a.spec, incarnation = a.incarnation, deleted = a.deleted, version = version, job = a.job_id})
  redis.call('HINCRBY', key, 'wake', 1)
  redis.call('SADD', tags_key(a.user), a.tag)
  redis.call('HSET', sizes_key(a.user), a.tag, a.replicas)
  due_now(a.id)
  local job = {
    id = a.job_id, user = a.user, tag = a.tag, kind = a.kind, status = 'queued', version = version,
    created_at = text(now), deadline_at = after(a.deadline), progress_deadline_at = after(a.progress_deadline),
    request_id = a.request_id, restore = a.restore, restore_replicas = a.restore_replicas, undo = undo,
    undo_replicas = undo_replicas,
  }
  write(job_key(job.id), job)
  set_deadline(job)
  redis.call('SADD', unfinished_key(job.user), job.id)
  return job
end

-- What answers for this idempotency key from now on.
local function remember(job_id, spec)
  if not a.once then return end
  local once = once_key(a.user, a.once)
  write(once, {job_id = job_id, salt = a.once_salt, mark = a.once_mark, spec = spec, ends_at = after(ONCE_FOR)})
  redis.call('PEXPIRE', once, ONCE_FOR)
end

-- The index of a user's jobs: ended ones beyond the newest so many go, and what has expired leaves it bit by bit.
-- No submission looks at more than a hundred of them, however many have not ended.
local function keep_in_index(job)
  local index = jobs_key(job.user)
  redis.call('ZADD', index, job.created_at, job.id)
  redis.call('PERSIST', index)
  local excess = redis.call('ZCARD', index) - JOBS_PER_USER
  for rank, id in ipairs(redis.call('ZRANGE', index, 0, math.min(math.max(excess - 1, 10), 100))) do
    local status = field(job_key(id), 'status')
    if not status or (rank <= excess and has_ended({status = status})) then
      redis.call('DEL', job_key(id), changes_key(id))
      redis.call('ZREM', index, id)
    end
  end
end

-- Whether a create comes from somebody who was not proved to be this user: nothing is told of the user's own.
local function is_taken()
  if redis.call('SISMEMBER', DISABLED, a.user) == 1 then return true end
  local owner_hash = field(OWNERS, a.user)
  return owner_hash and owner_hash ~= a.owner_hash
end

local function refuse_create()
  return redis.call('EXISTS', key) == 1 and not field(key, 'gone_until') and 'exists' or nil
end

local function refuse_change()
  if redis.call('EXISTS', key) == 0 or field(key, 'gone_until') then return 'missing' end
  local running = unfinished(a.id)
  local is_delete = a.kind == 'delete'
  if field(key, 'deleted') == '1' and not is_delete then return 'missing' end
  if running and not (is_delete and running.kind ~= 'delete') then return 'busy', running end
  return field(key, 'version') ~= a.expected_version and 'stale' or nil
end

-- How many jobs of the user have not ended. Those past a deadline are ended first where that may make room.
local function count_unfinished(most)
  local jobs = unfinished_key(a.user)
  if redis.call('SCARD', jobs) < most then return 0 end
  local ids = redis.call('SMEMBERS', jobs)
  table.sort(ids)
  for _, id in ipairs(ids) do
    if not read_job(id) then redis.call('SREM', jobs, id) end
  end
  return redis.call('SCARD', jobs)
end

-- A delete is never refused, and what makes a user's share smaller is not either.
local function refuse_by_limits()
  if a.kind == 'delete' then return nil end
  if a.most_jobs and count_unfinished(tonumber(a.most_jobs)) >= tonumber(a.most_jobs) then return 'too_many_jobs' end
  local sizes = sizes_key(a.user)
  local own, asked = tonumber(field(sizes, a.tag) or '0'), tonumber(a.replicas)
  if own == 0 and a.most_clusters and redis.call('HLEN', sizes) >= tonumber(a.most_clusters) then
    return 'too_many_clusters'
  end
  if asked > own and a.most_instances then
    local sum = asked - own
    for _, size in ipairs(redis.call('HVALS', sizes)) do sum = sum + tonumber(size) end
    if sum > tonumber(a.most_instances) then return 'too_many_instances' end
  end
end

if not is_rebuilt() then return {'not_rebuilt', {}} end
local known = read_job(a.job_id)
if known then return {'', flat(known)} end
if a.kind == 'create' and is_taken() then return {'taken', {}} end
local once = a.once and remembered(a.user, a.once)
if once then
  local former = read_job(once.job_id)
  return {'', former and flat(former) or {}, flat(once)}
end
local refused, running
if a.kind == 'create' then refused = refuse_create() else refused, running = refuse_change() end
if refused == 'busy' and a.kind == 'delete' then remember(running.id, field(key, 'spec')) end
refused = refused or refuse_by_limits()
if refused then return {refused, running and flat(running) or {}} end
local job = accept()
remember(job.id, a.spec)
keep_in_index(job)
return {'', flat(job)}
