-- Goes before every command. One script is one transaction; times are milliseconds of Redis's own clock.
-- Records are opaque text, never decoded here: cjson turns [] into {} and big numbers into floats. What a script
-- decides on is a field of its own. A cluster's id is user/tag; a name that holds no value is absent, never empty.
-- A server without memory stops a script at its first write that needs some, unless it has written before: so no
-- script begins with a write that needs none (a removal), and each is carried out whole or not at all.

local COUNTER, REBUILT, OWNERS = 'kanto:counter', 'kanto:rebuilt', 'kanto:owners'
local DUE, DEADLINES, WORKERS, EVENTS = 'kanto:due', 'kanto:deadlines', 'kanto:workers', 'kanto:events'
local DISABLED = 'kanto:disabled'
-- How many jobs ended, and the milliseconds that they took, by kind and status: for those who watch.
local ENDED = 'kanto:ended'

local ROLES = 'kanto:role:'

local function cluster_key(id) return 'kanto:cluster:' .. id end
local function job_key(id) return 'kanto:job:' .. id end
local function steps_key(id) return 'kanto:steps:' .. id end
local function tags_key(user) return 'kanto:tags:' .. user end
local function jobs_key(user) return 'kanto:jobs:' .. user end
local function changes_key(job_id) return 'kanto:changes:' .. job_id end
local function once_key(user, name) return 'kanto:once:' .. user .. '/' .. name end
-- What is counted against a user's limits: instances asked for by tag, and the ids of jobs that have not ended.
local function sizes_key(user) return 'kanto:sizes:' .. user end
local function unfinished_key(user) return 'kanto:unfinished:' .. user end

local function text(number) return string.format('%.0f', number) end

local now = tonumber(CLOCK[1]) * 1000 + math.floor(tonumber(CLOCK[2]) / 1000)

local function after(duration) return text(now + tonumber(duration)) end

local function paired(list)
  local named = {}
  for i = 1, #list, 2 do named[list[i]] = list[i + 1] end
  return named
end

local function flat(named)
  local list = {}
  for name, value in pairs(named) do
    list[#list + 1] = name
    list[#list + 1] = value
  end
  return list
end

-- The fields of a hash by name, or nil.
local function read(key)
  local list = redis.call('HGETALL', key)
  if #list == 0 then return nil end
  return paired(list)
end

local function field(key, name) return redis.call('HGET', key, name) or nil end

-- Whether a field is a record of a higher schema: its number is the end of each text, which is not decoded for it.
local function is_newer(named, known)
  for _, value in pairs(named) do
    local schema = string.sub(value, 1, 8) == '{"data":' and string.match(string.sub(value, -40), ',"schema":(%d+)}$')
    if schema and tonumber(schema) > tonumber(known) then return true end
  end
  return false
end

-- Set what `changes` names, and nothing else.
local function write(key, changes)
  local list = flat(changes)
  if #list > 0 then redis.call('HSET', key, unpack(list)) end
end

local function is_rebuilt() return redis.call('EXISTS', REBUILT) == 1 end

-- The hash by which a user is known; nil for one whom nobody claimed, and for one who is disabled.
local function login_of(user)
  if redis.call('SISMEMBER', DISABLED, user) == 1 then return nil end
  return field(OWNERS, user)
end

local function next_number()
  local last = tonumber(redis.call('GET', COUNTER) or '0')
  local number = text(math.max(last + 1, now))
  redis.call('SET', COUNTER, number)
  return number
end

local function post(id, job, ended)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', MAX_EVENTS, '*', 'cluster', id, 'job', job or '', 'ended', ended and '1' or '0')
end

-- Due times

local function due_now(id) redis.call('ZADD', DUE, text(now), id) end
local function due_in(id, duration) redis.call('ZADD', DUE, after(duration), id) end
local function due_within(id, duration) redis.call('ZADD', DUE, 'LT', after(duration), id) end

-- What is remembered of the request of this idempotency key, or nil.
local function remembered(user, name)
  local once = read(once_key(user, name))
  return once and tonumber(once.ends_at) > now and once or nil
end

-- Clusters

local function is_leased(cluster)
  local ends = tonumber(cluster.lease_until)
  return ends ~= nil and now < ends and ends <= now + HORIZON
end

local function is_held(cluster, fence)
  return cluster ~= nil and cluster.fence == fence and cluster.lease_until ~= nil
end

-- Whether there is no such cluster, or it was gone long enough and is now forgotten for good.
local function forget_if_over(id, user, tag)
  local key = cluster_key(id)
  if redis.call('EXISTS', key) == 1 then
    local part = redis.call('HMGET', key, 'gone_until', 'lease_until')
    if not part[1] or tonumber(part[1]) > now or is_leased({lease_until = part[2]}) then return false end
  end
  redis.call('DEL', key, steps_key(id))
  redis.call('SREM', tags_key(user), tag)
  redis.call('HDEL', sizes_key(user), tag)
  redis.call('ZREM', DUE, id)
  return true
end

-- Jobs

-- Number a change of a job and keep it for those who listen. `job` holds what is stored by now.
local function note(job)
  job.revision = text(tonumber(job.revision or '0') + 1)
  write(job_key(job.id), {revision = job.revision})
  redis.call('XADD', changes_key(job.id), 'MAXLEN', MAX_CHANGES, job.revision .. '-0', 'at', text(now),
    'status', job.status, 'step', job.step or '', 'progress', job.progress or '', 'reasons', job.reasons or '')
end

-- The end of a job, whatever the reason: it happens once, is told, and starts the time for which the job is kept.
local function finish(job, changes)
  local key, id = job_key(job.id), job.user .. '/' .. job.tag
  changes.ended_at = text(now)
  write(key, changes)
  for name, value in pairs(changes) do job[name] = value end
  note(job)
  redis.call('ZREM', DEADLINES, job.id)
  redis.call('HINCRBY', ENDED, job.kind .. ' ' .. job.status .. ' count', 1)
  redis.call('HINCRBY', ENDED, job.kind .. ' ' .. job.status .. ' ms', text(now - tonumber(job.created_at)))
  redis.call('SREM', unfinished_key(job.user), job.id)
  redis.call('PEXPIRE', changes_key(job.id), math.min(KEEP_CHANGES, KEEP_JOBS))
  redis.call('PEXPIRE', key, KEEP_JOBS)
  redis.call('PEXPIRE', jobs_key(job.user), KEEP_JOBS)
  if field(cluster_key(id), 'job') == job.id then redis.call('HDEL', cluster_key(id), 'job') end
  post(id, job.id, true)
end

-- Bring another spec in place of a job's, if no other came since.
local function bring_back(job, spec, replicas, deleted)
  local id = job.user .. '/' .. job.tag
  local key = cluster_key(id)
  if not spec or field(key, 'version') ~= job.version then return end
  write(key, {spec = spec, version = next_number(), deleted = deleted})
  if not field(key, 'gone_until') then redis.call('HSET', sizes_key(job.user), job.tag, replicas) end
  redis.call('HINCRBY', key, 'wake', 1)
  due_now(id)
end

local function restore(job) bring_back(job, job.restore, job.restore_replicas, '0') end

local function has_ended(job)
  return job.status ~= 'queued' and job.status ~= 'running'
end

-- The job as it is now, or nil: one past a deadline is ended first.
local function read_job(job_id)
  local job = read(job_key(job_id))
  if not job then return nil end
  if not has_ended(job) and math.min(tonumber(job.deadline_at), tonumber(job.progress_deadline_at)) <= now then
    finish(job, {status = 'failed', cause = 'deadline'})
    restore(job)
  end
  return job
end

-- The cluster's job that has not ended, or nil.
local function unfinished(id)
  local job_id = field(cluster_key(id), 'job')
  local job = job_id and read_job(job_id)
  if not job or has_ended(job) then return nil end
  return job
end

local function set_deadline(job)
  redis.call('ZADD', DEADLINES, text(math.min(tonumber(job.deadline_at), tonumber(job.progress_deadline_at))), job.id)
end

local function supersede(id)
  local former = unfinished(id)
  if former then finish(former, {status = 'canceled', cause = 'superseded'}) end
end
