-- Gives {1 if rebuilt, the hash or ''}.
local a = paired(ARGV)
return {redis.call('EXISTS', REBUILT), field(OWNERS, a.user) or ''}
