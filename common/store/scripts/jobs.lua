-- Gives the fields of each job of the user, newest first, that comes after the mark and is of the tag and the statuses.
local a = paired(ARGV)
local found, limit = {}, tonumber(a.limit)
local from = tonumber(a.after_time)
local index = redis.call('ZREVRANGEBYSCORE', jobs_key(a.user), a.after_time or '+inf', '-inf', 'WITHSCORES')
for i = 1, #index, 2 do
  if #found >= limit then break end
  local id = index[i]
  local is_before = from and tonumber(index[i + 1]) == from and id >= a.after_id
  if not is_before and (not a.tag or field(job_key(id), 'tag') == a.tag) then
    local job = read_job(id)
    if job and (not a.statuses or string.find(a.statuses, ' ' .. job.status .. ' ', 1, true)) then
      found[#found + 1] = flat(job)
    end
  end
end
return found
