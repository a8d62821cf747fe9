-- Gives 'ok' or 'missing'.
local a = paired(ARGV)
if redis.call('HEXISTS', OWNERS, a.user) == 0 then return 'missing' end
redis.call(a.disabled == '1' and 'SADD' or 'SREM', DISABLED, a.user)
return 'ok'
