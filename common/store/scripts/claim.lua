-- Gives {milliseconds until the next is due or '', id, ...}. Deadlines come first, before anything that can raise.
local a = paired(ARGV)
local limit = tonumber(a.limit)
local beyond = '(' .. after(HORIZON)

redis.call('ZADD', WORKERS, text(now), a.worker)
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', '(' .. text(now - WORKER_SEEN))
for _, job_id in ipairs(redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', text(now), 'LIMIT', 0, LATE_PER_CLAIM)) do
  if not read_job(job_id) then redis.call('ZREM', DEADLINES, job_id) end
end

local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', text(now), 'LIMIT', 0, limit)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, beyond, '+inf', 'LIMIT', 0, limit - #due)) do
  due[#due + 1] = id
end

local claimed = {''}
for _, id in ipairs(due) do
  local user, tag = string.match(id, '^(.*)/(.*)$')
  if not forget_if_over(id, user, tag) then
    due_in(id, a.lease)
    claimed[#claimed + 1] = id
  end
end

local first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
if #first > 0 then
  local has_more = redis.call('ZCOUNT', DUE, beyond, '+inf') > 0
  claimed[1] = text(has_more and 0 or math.max(tonumber(first[2]) - now, 0))
end
return claimed
