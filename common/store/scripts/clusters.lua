-- Gives {owner's hash or '', 1 if the owner is disabled, {tag, fields}, ...}: of one tag where it is named, else of all; those that are gone too.
local a = paired(ARGV)
local found = {field(OWNERS, a.user) or '', redis.call('SISMEMBER', DISABLED, a.user)}
for _, tag in ipairs(a.tag and {a.tag} or redis.call('SMEMBERS', tags_key(a.user))) do
  local cluster = read(cluster_key(a.user .. '/' .. tag))
  if cluster then found[#found + 1] = {tag, flat(cluster)} end
end
return found
