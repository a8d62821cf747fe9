-- Gives 'ok' or 'missing'. Where that changes anything the versions move, so that the mirror of each cluster learns of it.
local a = paired(ARGV)
if redis.call('HEXISTS', OWNERS, a.user) == 0 then return 'missing' end
if (redis.call('SISMEMBER', DISABLED, a.user) == 1) == (a.disabled == '1') then return 'ok' end
for _, cluster in ipairs(clusters_of(a.user)) do move(cluster.id, {}, {}) end
redis.call(a.disabled == '1' and 'SADD' or 'SREM', DISABLED, a.user)
return 'ok'
