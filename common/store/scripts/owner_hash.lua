-- Gives {1 if rebuilt, the hash or ''}.
local a = paired(ARGV)
return {is_rebuilt() and 1 or 0, login_of(a.user) or ''}
