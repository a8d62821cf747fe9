-- A spec and its job, together. Gives {refusal or '', fields of the job or of the one that runs}.
local a = paired(ARGV)
local key = cluster_key(a.id)

local function accept()
  local former = unfinished(a.id)
  local undo = former and former.version == field(key, 'version') and former.restore or a.undo
  supersede(a.id)
  local version = next_number()
  redis.call('HSETNX', OWNERS, a.user, a.owner_hash)
  if a.kind == 'create' then redis.call('HDEL', key, 'memory', 'durable', 'view', 'gone_until') end
  write(key, {spec = a.spec, incarnation = a.incarnation, deleted = a.deleted, version = version, job = a.job_id})
  redis.call('HINCRBY', key, 'wake', 1)
  redis.call('SADD', tags_key(a.user), a.tag)
  due_now(a.id)
  local job = {
    id = a.job_id, user = a.user, tag = a.tag, kind = a.kind, status = 'queued', version = version,
    created_at = text(now), deadline_at = after(a.deadline), progress_deadline_at = after(a.progress_deadline),
    request_id = a.request_id, restore = a.restore, undo = undo,
  }
  write(job_key(job.id), job)
  set_deadline(job)
  return job
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
      redis.call('DEL', job_key(id))
      redis.call('ZREM', index, id)
    end
  end
end

local function refuse_create()
  local owner_hash = field(OWNERS, a.user)
  if owner_hash and owner_hash ~= a.owner_hash then return 'taken' end
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

if redis.call('EXISTS', REBUILT) == 0 then return {'not_rebuilt', {}} end
local known = read_job(a.job_id)
if known then return {'', flat(known)} end
local refused, running
if a.kind == 'create' then refused = refuse_create() else refused, running = refuse_change() end
if refused then return {refused, running and flat(running) or {}} end
local job = accept()
keep_in_index(job)
return {'', flat(job)}
