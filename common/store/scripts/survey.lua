-- Gives {{workers, unfinished, overdue}, {name, number, ...} of ended jobs, {id, milliseconds late, view or ''}, ...}
-- for the clusters from place `from` on in the order of their due times, gone ones left out, and whether there are more.
local a = paired(ARGV)
local from, count = tonumber(a.from), tonumber(a.count)
local listed = redis.call('ZRANGE', DUE, from, from + count - 1, 'WITHSCORES')
local found = {
  {
    text(redis.call('ZCOUNT', WORKERS, text(now - WORKER_SEEN), '+inf')), text(redis.call('ZCARD', DEADLINES)),
    text(redis.call('ZCOUNT', DEADLINES, '-inf', text(now))), #listed == 2 * count and '1' or '',
  },
  redis.call('HGETALL', ENDED),
}
for i = 1, #listed, 2 do
  local part = redis.call('HMGET', cluster_key(listed[i]), 'view', 'gone_until', 'spec')
  if part[3] and not part[2] then
    found[#found + 1] = {listed[i], text(math.max(now - tonumber(listed[i + 1]), 0)), part[1] or ''}
  end
end
return found
