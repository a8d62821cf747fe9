-- Gives the steps of a cluster that are kept, oldest first.
local a = paired(ARGV)
return redis.call('XRANGE', steps_key(a.id), '-', '+')
