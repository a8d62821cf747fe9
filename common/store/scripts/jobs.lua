-- Gives the fields of each job of the user, newest first.
local a = paired(ARGV)
local found, limit = {}, tonumber(a.limit)
for _, id in ipairs(redis.call('ZREVRANGE', jobs_key(a.user), 0, -1)) do
  if #found >= limit then break end
  local job = read_job(id)
  if job then found[#found + 1] = flat(job) end
end
return found
