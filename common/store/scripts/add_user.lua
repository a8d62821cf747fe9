-- Gives 'ok', 'not_rebuilt' or 'exists'.
local a = paired(ARGV)
if not is_rebuilt() then return 'not_rebuilt' end
return redis.call('HSETNX', OWNERS, a.user, a.owner_hash) == 1 and 'ok' or 'exists'
