-- Keep a step for whoever looks into a mistake, if it did or met something else than the one before. `told` stands for
-- that one.
local function keep_step(a, cluster)
  if not a.step then return nil end
  local reasons = a.reasons or EMPTY.reasons
  local told = redis.sha1hex(a.step .. '\n' .. reasons)
  if cluster.told == told then return nil end
  redis.call('XADD', steps_key(a.id), 'MAXLEN', MAX_STEPS, '*', 'at', text(now), 'owner', cluster.lease_owner,
    'fence', a.fence, 'step', a.step, 'reasons', reasons)
  cluster.told = told
  return told
end

-- Goes before save and release: writes all of an outcome but the end of the job. Gives the job the lease was for, or
-- nil if it or its spec does not stand any more.
local function write_outcome(a, cluster)
  local key = cluster_key(a.id)
  if cluster.incarnation ~= a.incarnation then return nil end
  local is_moved = cluster.version ~= a.version
  write(key, {memory = a.memory, view = a.view, durable = not is_moved and a.durable or nil, told = keep_step(a, cluster)})
  if a.conflicts then
    write(key, {conflicts = a.conflicts})
    redis.call('HDEL', key, 'count_until')
  end
  if is_moved or not a.job_id or cluster.job ~= a.job_id then return nil end
  local job = read(job_key(a.job_id))
  if not job then return nil end
  local changes = {step = a.step, progress = a.progress, reasons = a.reasons, sealed = a.sealed}
  if a.progressed then changes.progress_deadline_at = after(a.progress_window) end
  local is_news = false
  for _, name in ipairs({'step', 'progress', 'reasons'}) do
    is_news = is_news or (changes[name] and changes[name] ~= (job[name] or EMPTY[name]))
  end
  write(job_key(job.id), changes)
  for name, value in pairs(changes) do job[name] = value end
  if is_news then note(job) end
  set_deadline(job)
  return job
end

local function tell(a, job)
  if a.view or (job and (a.step or a.progress or a.reasons)) then post(a.id, job and job.id, false) end
end
