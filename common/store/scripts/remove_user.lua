-- Gives {'ok', 'missing' or 'not_rebuilt'}, or {'has_clusters', tag, ...}: those that are just gone count as well.
local a = paired(ARGV)
if not is_rebuilt() then return {'not_rebuilt'} end
if redis.call('HEXISTS', OWNERS, a.user) == 0 then return {'missing'} end
local tags = redis.call('SMEMBERS', tags_key(a.user))
if #tags > 0 then
  table.sort(tags)
  return {'has_clusters', unpack(tags)}
end
redis.call('HDEL', OWNERS, a.user)
redis.call('SREM', DISABLED, a.user)
return {'ok'}
