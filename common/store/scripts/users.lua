-- Gives {user, '1' if disabled else '0', how many clusters, ...}
local found = {}
local owners = redis.call('HKEYS', OWNERS)
table.sort(owners)
for _, user in ipairs(owners) do
  found[#found + 1] = user
  found[#found + 1] = tostring(redis.call('SISMEMBER', DISABLED, user))
  found[#found + 1] = tostring(redis.call('HLEN', sizes_key(user)))
end
return found
